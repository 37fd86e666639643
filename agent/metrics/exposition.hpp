// SPDX-License-Identifier: Apache-2.0
//
// One page of metrics in the making, for Prometheus' text format or OpenMetrics'. A family appears where it was first
// named.
//
// A counter never goes back: Prometheus would take that for a restart, and count everything again. It would go back
// where a segment is destroyed of which the ledger knows a little less; then the value that was shown last stays.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>

#include "metrics/exposition_format.hpp"
#include "metrics/open_metrics.hpp"

namespace spanring::agent {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

// What was shown last, by name and labels.
using ShownCounters = std::map<std::string, double>;

struct ExposedHistogram {
    std::vector<std::pair<double, uint64_t>> buckets;  // bounds, which rise to infinity, and how many are not above
    double sum = 0;
};

class Exposition {
public:
    // `before`: what the previous page showed; empty for the first.
    explicit Exposition(ShownCounters before = {}) : before_(std::move(before)) {}

    // `name` ends in _total. Values of labels may be any bytes: what is not UTF-8 becomes '?', long ones are cut.
    void counter(std::string_view name, std::string_view help, const MetricLabels& labels, double value);
    void gauge(std::string_view name, std::string_view help, const MetricLabels& labels, double value);

    void histogram(std::string_view name, std::string_view help, const MetricLabels& labels,
                   const ExposedHistogram& histogram);

    // Of the metric that was added last: of each bucket the first that is in it is shown, of a counter the first.
    void refer_to(std::vector<ShownExemplar> exemplars);

    const std::vector<prometheus::MetricFamily>& families() const { return families_; }
    std::string text(ExpositionFormat format = ExpositionFormat::kText) const;
    ShownCounters take_shown() { return std::exchange(shown_, {}); }  // once, last

private:
    prometheus::ClientMetric& add(std::string_view name, std::string_view help, prometheus::MetricType type,
                                  const MetricLabels& labels);

    ShownCounters before_;
    ShownCounters shown_;
    std::vector<prometheus::MetricFamily> families_;
    std::map<std::string, size_t, std::less<>> places_;  // in families_, by name
    size_t last_family_ = 0;
    ShownExemplars exemplars_;
};

}  // namespace spanring::agent
