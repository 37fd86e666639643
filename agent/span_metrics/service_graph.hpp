// SPDX-License-Identifier: Apache-2.0
//
// Requests between services: a client's span and the server's span that has it for its parent, or a producer's and a
// consumer's, are one request, and its time is known from both sides. A client's span that names a database is one by
// itself. Whoever takes spans in adds them, on any thread, behind one mutex; whoever reads waits for nobody.
//
// A span whose other side does not come in time is counted as unpaired, and one for which there is no room as dropped:
// of all spans of these kinds, each is in one request, unpaired, dropped, or still waiting.
//
// Header bill: a table of series, a store of edges, and <functional>; span_metrics and the recorder include it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.hpp"
#include "span_metrics/edge_store.hpp"
#include "span_metrics/series_table.hpp"
#include "span_metrics/service_graph_options.hpp"
#include "span_metrics/span_outline.hpp"

namespace spanring::agent {

// An edge of the graph, as it is shown.
struct GraphEdge {
    std::string client;
    std::string server;
    std::string connection_type;
    bool overflow = false;  // of all edges beyond the limit; it has no names

    auto operator<=>(const GraphEdge&) const = default;
};

struct MeasuredEdge {
    std::vector<uint64_t> client_counts;  // by bucket; their sum is the number of requests
    std::vector<uint64_t> server_counts;
    double client_nanoseconds = 0;
    double server_nanoseconds = 0;
    uint64_t failed = 0;  // of the requests
    uint64_t unpaired = 0;

    uint64_t requests() const;
};

class ServiceGraph {
public:
    explicit ServiceGraph(ServiceGraphOptions options);
    ServiceGraph(const ServiceGraph&) = delete;
    ServiceGraph& operator=(const ServiceGraph&) = delete;

    const ServiceGraphOptions& options() const { return options_; }
    const DurationBuckets& buckets() const { return buckets_; }

    // ---- Any thread ----

    // What add() knows a service by. Names that are the same once they are cut are one.
    uint32_t service(std::string_view name);

    static bool is_of_interest(const SpanOutline& span) { return span.kind >= kServer; }

    // `database`: what a client's span says of the one that it asks; null: nothing.
    void add(uint32_t service, const SpanOutline& span, EncodedValue database, EdgeStore::Clock::time_point now);
    void expire(EdgeStore::Clock::time_point now);

    std::map<GraphEdge, MeasuredEdge> measured() const;
    uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }  // relaxed: a number of its own
    size_t waiting() const;

private:
    enum class What : uint8_t { kClientTime, kServerTime, kUnpaired };

    void expire_locked(EdgeStore::Clock::time_point now) SPR_REQUIRES(mutex_);
    uint32_t service_locked(std::string_view name) SPR_REQUIRES(mutex_);
    void complete(const EdgeStore::Edge& edge, const char* connection_type) SPR_REQUIRES(mutex_);
    void give_up(const EdgeStore::Edge& edge) SPR_REQUIRES(mutex_);
    Series& series_of(const EdgeStore::Edge& edge, const char* connection_type, What what) SPR_REQUIRES(mutex_);
    Series& overflow(What what) SPR_REQUIRES(mutex_);

    const ServiceGraphOptions options_;
    const DurationBuckets buckets_;
    mutable Mutex mutex_;
    EdgeStore store_ SPR_GUARDED_BY(mutex_);
    std::vector<std::string> services_ SPR_GUARDED_BY(mutex_);  // 0: those beyond the limit
    std::map<std::string, uint32_t, std::less<>> services_by_name_ SPR_GUARDED_BY(mutex_);
    SeriesKey key_ SPR_GUARDED_BY(mutex_);
    std::array<Series*, 3> overflow_ SPR_GUARDED_BY(mutex_){};
    SeriesTable table_;  // written under the mutex, read without it
    std::atomic<uint64_t> dropped_{0};
};

}  // namespace spanring::agent
