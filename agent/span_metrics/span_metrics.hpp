// SPDX-License-Identifier: Apache-2.0
//
// The metrics that are made of spans: what was asked for, a recorder for each thread that takes spans in, what all of
// them have measured, as one, and the service graph, which they share.
//
// Header bill: it holds the recorders and the graph; main.cpp and the page of the metrics alone include it.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "span_metrics/operation_counts.hpp"
#include "span_metrics/options.hpp"
#include "span_metrics/service_graph.hpp"
#include "span_metrics/span_recorder.hpp"

namespace spanring::agent {

// By OTLP's names, in the order in which they are shown.
using SeriesLabels = std::vector<std::pair<std::string, std::string>>;

struct MeasuredSeries {
    std::vector<uint64_t> counts;  // by bucket; their sum is the number of calls
    double nanoseconds = 0;        // of all calls together
    std::vector<Exemplar> exemplars;

    uint64_t calls() const;
};

class SpanMetrics {
public:
    // Nothing: is not asked for. `operations`: operations() is.
    SpanMetrics(std::optional<SpanMetricsOptions> options, std::optional<ServiceGraphOptions> graph,
                bool operations = false);
    SpanMetrics(const SpanMetrics&) = delete;
    SpanMetrics& operator=(const SpanMetrics&) = delete;

    bool measures() const { return measures_; }
    const SpanMetricsOptions& options() const { return options_; }
    const DurationBuckets& buckets() const { return buckets_; }

    const ServiceGraph* graph() const { return graph_.get(); }  // null: there is none

    // Any thread. One for each thread that records; lives as long as this.
    SpanRecorder& add_recorder();

    // Any thread; no recorder waits. Series that show the same are one.
    std::map<SeriesLabels, MeasuredSeries> measured() const;
    // Likewise. Since the agent began; of spans beyond the limits errors are not known.
    OperationTable operations() const;

private:
    const bool measures_;
    const bool measures_operations_;
    const SpanMetricsOptions options_;
    const DurationBuckets buckets_;
    const std::unique_ptr<ServiceGraph> graph_;
    mutable Mutex mutex_;
    std::list<SpanRecorder> recorders_ SPR_GUARDED_BY(mutex_);
};

}  // namespace spanring::agent
