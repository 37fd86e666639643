// SPDX-License-Identifier: Apache-2.0
//
// The keys of the Collector's spanmetrics connector, as far as they make sense here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "span_metrics/bucket_list.hpp"
#include "span_metrics/duration_buckets.hpp"

namespace spanring::agent {

struct Option;

struct Dimension {
    std::string name;       // of an attribute of the span, else of the resource
    std::string otherwise;  // where neither has it; empty: the metric goes without

    bool operator==(const Dimension&) const = default;
};

struct SpanMetricsOptions {
    std::string prefix = "traces.span.metrics";
    bool without_histogram = false;
    DurationUnit unit = DurationUnit::kMilliseconds;
    bool exponential = false;
    std::vector<std::string> buckets = default_buckets();
    std::vector<Dimension> dimensions;
    bool exemplars = false;
    uint32_t exemplars_of_each = 5;
    uint32_t series_of_a_service = 2000;
    uint32_t services = 1000;
    uint32_t series = 10'000;

    DurationBuckets duration_buckets() const;
    bool operator==(const SpanMetricsOptions&) const = default;
};

std::vector<Option> describe(SpanMetricsOptions& options);

// What is wrong with its values together; empty: nothing.
struct SpanMetricsFault {
    std::string key;  // empty: the whole of it
    std::string what;
};
std::vector<SpanMetricsFault> faults_of(const SpanMetricsOptions& options);

// An attribute's name as Prometheus can have it: "http.route" is http_route.
std::string prometheus_name(const std::string& name);

}  // namespace spanring::agent
