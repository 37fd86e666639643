// SPDX-License-Identifier: Apache-2.0
//
// OpenMetrics' text format, which the client library does not write:
// https://prometheus.io/docs/specs/om/open_metrics_spec/
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>

namespace spanring::agent {

// A span that a bucket or a counter refers to.
struct ShownExemplar {
    std::string trace_id;  // lower-case hex
    std::string span_id;
    double value = 0;
    double unix_seconds = 0;  // 0: is not said
};

// By the place of the family and of the metric in it.
using ShownExemplars = std::map<std::pair<size_t, size_t>, std::vector<ShownExemplar>>;

std::string write_open_metrics(const std::vector<prometheus::MetricFamily>& families, const ShownExemplars& exemplars);

}  // namespace spanring::agent
