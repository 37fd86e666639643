// SPDX-License-Identifier: Apache-2.0
//
// Queries of the local span store, while an agent may be writing it: which traces there are, and all spans of one.
// Lists come from the index rows alone; bytes are decoded only for the trace that was asked for. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "otlp/span_decoder.hpp"
#include "store/store_schema.hpp"
#include "store/trace_index.hpp"

namespace spanring::agent {

struct TraceFilter {
    std::string service{};  // one of the trace's services is called so
    std::string name{};     // the root's name contains it
    uint64_t min_duration_nano = 0;
    bool errors_only = false;      // with an error, or an unfinished span
    uint64_t since_unix_nano = 0;  // started then or later
    size_t limit = 20;
};

struct TraceSummary {
    TraceId trace_id{};
    uint64_t start_unix_nano = 0;
    uint64_t end_unix_nano = 0;
    uint64_t spans = 0;
    uint64_t errors = 0;  // without the unfinished ones
    uint64_t unfinished = 0;
    bool has_root = false;  // else name and service are those of the span that began first
    std::string name;
    std::string service;
    std::vector<std::string> services;

    uint64_t duration_nano() const { return end_unix_nano - start_unix_nano; }
};

struct StoredSpan {
    std::shared_ptr<const DecodedResource> resource;
    std::shared_ptr<const DecodedScope> scope;
    DecodedSpan span;
};

class StoreReader {
public:
    explicit StoreReader(const std::string& file);  // throws DatabaseError, as every call may

    std::vector<TraceSummary> recent(const TraceFilter& filter);  // newest first
    std::optional<TraceSummary> summary(const TraceId& trace);

    // Traces whose id, in hex, begins so; at most `limit`. Nothing: `prefix` is not hex, or too long.
    std::vector<TraceId> matching(std::string_view prefix, size_t limit);

    // Of one that has not ended, what it was when it was last sent.
    std::vector<StoredSpan> spans(const TraceId& trace);

    // Of the newest spans that ended, some 100,000 of them at most.
    using DurationVisitor = std::function<void(const std::string& service, const std::string& name, uint64_t nano)>;
    void newest_durations(const DurationVisitor& visit);

    uint64_t stored_spans();   // ever
    uint64_t evicted_spans();  // of these, removed for size or age

private:
    static void read_spans(Statement& requests, const TraceId& trace, std::vector<StoredSpan>& ret_found);

    Database database_;
    Statement rows_by_start_, rows_of_trace_, by_prefix_, requests_, newest_;
    std::optional<Statement> partials_;  // none: the file has no such spans
};

}  // namespace spanring::agent
