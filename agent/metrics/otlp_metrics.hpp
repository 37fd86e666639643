// SPDX-License-Identifier: Apache-2.0
//
// Metrics as requests of OTLP (ExportMetricsServiceRequest): what a page of the agent's own has, and what is measured
// of spans, under the names that the Collector has for its own and for those of its connectors. Everything is
// cumulative.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <prometheus/metric_family.h>

namespace spanring::agent {

class SpanMetrics;

// Since when its counters count, and when they were read.
struct MetricsWindow {
    uint64_t start_unix_nano = 0, unix_nano = 0;
};

// Counters lose their "_total", names of the SDK get their dots back: otel.sdk.span.started.
std::string otlp_of(const std::vector<prometheus::MetricFamily>& families, const MetricsWindow& window);

// The Collector's spanmetrics: `calls` and `duration` below the prefix, for each service; an exponential histogram as
// it is. Empty: nothing was measured.
std::string otlp_of_spans(const SpanMetrics& metrics, const MetricsWindow& window);
// Its servicegraph.
std::string otlp_of_graph(const SpanMetrics& metrics, const MetricsWindow& window);

}  // namespace spanring::agent
