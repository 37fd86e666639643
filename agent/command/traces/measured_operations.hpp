// SPDX-License-Identifier: Apache-2.0
//
// What operations did, as the local store says it: of all spans, as the agent measured them, or of those that are in
// it and that a search finds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "search/query.hpp"
#include "span_metrics/operation_counts.hpp"
#include "store/store_reader.hpp"

namespace spanring::agent {

struct MeasuredOperations {
    static constexpr size_t kMost =
        50'000;  // with further names it is one, kOtherOperations: a span may be named anything

    OperationTable operations;
    uint64_t begin_unix_nano = UINT64_MAX, end_unix_nano = 0;

    OperationCounts& of(OperationName name);
    double seconds() const;
    uint64_t spans() const;
    bool folded() const;  // some are together, here or where the agent counted them
};

// As the agent counted them, minute by minute.
MeasuredOperations measured_by_agent(StoreReader& store, uint64_t since);
// As they can be counted now, of what was kept.
MeasuredOperations found_in_store(StoreReader& store, const search::Query& query, uint64_t since);

struct OperationChoice {
    std::string service, name;   // of this service; whose name contains this
    std::string sort = "spans";  // errors, total, p50, p95, p99: the most first
    size_t limit = 50;           // 0: all
};

using MeasuredOperation = std::pair<const OperationName, OperationCounts>;

// They refer to the table. `ret_all`: how many there are without the limit.
std::vector<const MeasuredOperation*> chosen(const OperationTable& operations, const OperationChoice& choice,
                                             size_t& ret_all);

nlohmann::ordered_json operations_json(const MeasuredOperations& measured,
                                       const std::vector<const MeasuredOperation*>& list, bool by_agent);
nlohmann::ordered_json histogram_json(const OperationCounts& counts);

}  // namespace spanring::agent
