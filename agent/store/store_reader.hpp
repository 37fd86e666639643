// SPDX-License-Identifier: Apache-2.0
//
// Queries of the local span store, while an agent may be writing it: which traces there are, and all spans of one.
// Searches read the indexes of all batches and nothing else; bytes are decoded only for the trace that was asked for.
// One thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "otlp/span_decoder.hpp"
#include "search/query.hpp"
#include "span_metrics/operation_counts.hpp"
#include "store/batch_index.hpp"
#include "store/store_schema.hpp"
#include "store/trace_id.hpp"

namespace spanring::agent {

enum class TraceOrder : uint8_t { kStart, kArrival };  // the newest first; arrival: of its last batch

struct TraceFilter {
    search::Query query{};  // one span of the trace is so
    std::string service{};  // one of the trace's services is called so
    std::string name{};     // the root's name contains it
    uint64_t min_duration_nano = 0;
    uint64_t max_duration_nano = UINT64_MAX;
    bool errors_only = false;               // with an error, or an unfinished span
    uint64_t since_unix_nano = 0;           // started then or later
    uint64_t until_unix_nano = UINT64_MAX;  // started then or before
    TraceOrder order = TraceOrder::kStart;
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

// Of what is decoded for one trace; the rest is only counted.
struct TraceBounds {
    uint64_t spans = UINT64_MAX;
    uint64_t bytes = UINT64_MAX;
    uint64_t* left_out = nullptr;
};

class StoreReader {
public:
    explicit StoreReader(const std::string& file);  // throws DatabaseError, as every call may
    StoreReader(StoreReader&&) = delete;

    // `is_over` is asked again and again while something is read, and once the answer is true a call throws. After that
    // a reader is of no more use.
    void stop_when(std::function<bool()> is_over);

    std::vector<TraceSummary> recent(const TraceFilter& filter);
    std::optional<TraceSummary> summary(const TraceId& trace);

    // Traces whose id, in hex, begins so; at most `limit`. Nothing: `prefix` is not hex, or too long.
    std::vector<TraceId> matching(std::string_view prefix, size_t limit);

    // What was stored with spans of the trace, other traces' spans included, in the order in which it came; then what
    // had not ended when it was last sent, and goes on. ExportTraceServiceRequests.
    using RequestVisitor = std::function<void(std::span<const uint8_t> request, bool goes_on)>;
    void each_request(const TraceId& trace, const RequestVisitor& visit);

    // Of one that has not ended, what it was when it was last sent.
    std::vector<StoredSpan> spans(const TraceId& trace, const TraceBounds& bounds = {});
    std::optional<StoredSpan> span(const TraceId& trace, const std::array<uint8_t, 8>& id);

    // Indexes of all batches, the newest first, until the visitor answers false. `found`: which spans the query finds;
    // empty: none.
    using IndexVisitor =
        std::function<bool(uint64_t batch, const BatchIndex& index, const std::vector<uint8_t>& found)>;
    void each_index(const search::Query& query, const IndexVisitor& visit);

    // What was stored, the newest first, until the visitor answers false. ExportTraceServiceRequests.
    void each_stored(const std::function<bool(std::span<const uint8_t> request)>& visit);

    // Of the newest spans that ended, some 100,000 of them.
    using DurationVisitor = std::function<void(const std::string& service, const std::string& name, uint64_t nano)>;
    void newest_durations(const DurationVisitor& visit);

    // What operations did, minute by minute, of the minutes that end after `since`, the oldest first.
    using OperationVisitor = std::function<void(uint64_t begin_unix_nano, const OperationTable& operations)>;
    void each_minute(uint64_t since_unix_nano, const OperationVisitor& visit);

    uint64_t stored_spans();   // ever
    uint64_t evicted_spans();  // of these, removed for size or age

private:
    template <class Visit>
    void each_traces(Visit visit);
    bool has_table(std::string_view name);

    std::function<bool()> is_over_;  // its place is known to SQLite
    Database database_;
    Statement indexes_, traces_, request_;
    std::optional<Statement> partials_, partial_ids_;  // none: the file has no such spans
};

}  // namespace spanring::agent
