// SPDX-License-Identifier: Apache-2.0
#include "command/traces/measured_operations.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/wall_clock.hpp"

namespace spanring::agent {
namespace {

double rank_of(const OperationCounts& counts, const std::string& sort) {
    if (sort == "errors") return static_cast<double>(counts.errors);
    if (sort == "total") return counts.nanoseconds;
    if (sort == "p50") return static_cast<double>(counts.quantile(0.5));
    if (sort == "p95") return static_cast<double>(counts.quantile(0.95));
    if (sort == "p99") return static_cast<double>(counts.quantile(0.99));
    return static_cast<double>(counts.spans());
}

}  // namespace

OperationCounts& MeasuredOperations::of(OperationName name) {
    const auto known = operations.find(name);
    if (known != operations.end()) return known->second;
    if (operations.size() >= kMost) name = {kOtherOperations, kOtherOperations};
    return operations[std::move(name)];
}

double MeasuredOperations::seconds() const {
    return end_unix_nano > begin_unix_nano ? static_cast<double>(end_unix_nano - begin_unix_nano) / 1e9 : 1e-9;
}

uint64_t MeasuredOperations::spans() const {
    uint64_t spans = 0;
    for (const auto& [name, counts] : operations) spans += counts.spans();
    return spans;
}

bool MeasuredOperations::folded() const {
    return std::any_of(operations.begin(), operations.end(),
                       [](const MeasuredOperation& row) { return row.first.name == kOtherOperations; });
}

MeasuredOperations measured_by_agent(StoreReader& store, uint64_t since) {
    MeasuredOperations all;
    store.each_minute(since, [&](uint64_t begin, const OperationTable& minute) {
        all.begin_unix_nano = std::min(all.begin_unix_nano, begin);
        for (const auto& [name, counts] : minute) all.of(name).add(counts);
    });
    all.end_unix_nano = unix_nano();
    return all;
}

MeasuredOperations found_in_store(StoreReader& store, const search::Query& query, uint64_t since) {
    MeasuredOperations all;
    store.each_index(query, [&](uint64_t, const BatchIndex& index, const std::vector<uint8_t>& found) {
        for (size_t i = 0; i < found.size(); ++i) {
            const IndexedSpan& span = index.spans[i];
            if (found[i] == 0 || span.start < since) continue;
            all.begin_unix_nano = std::min(all.begin_unix_nano, span.start);
            all.end_unix_nano = std::max(all.end_unix_nano, span.end());
            all.of({std::string(index.service_of(span)), std::string(index.name_of(span))})
                .add(span.duration, span.error() || span.unfinished);
        }
        return true;
    });
    return all;
}

std::vector<const MeasuredOperation*> chosen(const OperationTable& operations, const OperationChoice& choice,
                                             size_t& ret_all) {
    std::vector<std::pair<double, const MeasuredOperation*>> ranked;
    for (const MeasuredOperation& row : operations) {
        if (!choice.service.empty() && row.first.service != choice.service) continue;
        if (row.first.name.find(choice.name) == std::string::npos) continue;
        ranked.emplace_back(rank_of(row.second, choice.sort), &row);
    }
    // Of equals the order of the table, which is that of their names.
    std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    ret_all = ranked.size();
    if (choice.limit != 0 && ranked.size() > choice.limit) ranked.resize(choice.limit);
    std::vector<const MeasuredOperation*> list;
    for (const auto& [rank, row] : ranked) list.push_back(row);
    return list;
}

nlohmann::ordered_json histogram_json(const OperationCounts& counts) {
    nlohmann::ordered_json buckets = nlohmann::ordered_json::array();
    for (const OperationCounts::Bucket& bucket : counts.histogram())
        buckets.push_back({{"from_nano", bucket.from}, {"to_nano", bucket.to}, {"count", bucket.count}});
    return buckets;
}

nlohmann::ordered_json operations_json(const MeasuredOperations& measured,
                                       const std::vector<const MeasuredOperation*>& list, bool by_agent) {
    nlohmann::ordered_json json;
    json["source"] = by_agent ? "agent" : "store";
    json["folded"] = measured.folded();
    json["spans"] = measured.spans();
    json["begin_unix_nano"] = list.empty() ? 0 : measured.begin_unix_nano;
    json["end_unix_nano"] = measured.end_unix_nano;
    json["operations"] = nlohmann::ordered_json::array();
    for (const MeasuredOperation* row : list) {
        const auto& [name, counts] = *row;
        json["operations"].push_back({{"service", name.service},
                                      {"name", name.name},
                                      {"spans", counts.spans()},
                                      {"rate", static_cast<double>(counts.spans()) / measured.seconds()},
                                      {"errors", counts.errors},
                                      {"duration_nano", counts.whole_nanoseconds()},
                                      {"p50_nano", counts.quantile(0.5)},
                                      {"p95_nano", counts.quantile(0.95)},
                                      {"p99_nano", counts.quantile(0.99)},
                                      {"histogram", histogram_json(counts)}});
    }
    return json;
}

}  // namespace spanring::agent
