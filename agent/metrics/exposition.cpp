// SPDX-License-Identifier: Apache-2.0
#include "metrics/exposition.hpp"

#include <algorithm>
#include <span>

#include <prometheus/text_serializer.h>

#include "otlp/utf8.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kLongestValue = 256;  // of a label; services' names are shorter

std::string clean(std::string value) {
    if (value.size() > kLongestValue) {
        size_t end = kLongestValue;
        while (end > 0 && (static_cast<uint8_t>(value[end]) & 0xc0) == 0x80) --end;  // not inside a character
        value.resize(end);
    }
    repair_utf8({reinterpret_cast<uint8_t*>(value.data()), value.size()});
    std::replace(value.begin(), value.end(), '\0', '?');  // parsers differ about it
    return value;
}

std::string key_of(std::string_view name, const std::vector<prometheus::ClientMetric::Label>& labels) {
    std::string key(name);
    for (const auto& label : labels) key += '\0' + label.name + '\0' + label.value;
    return key;
}

}  // namespace

prometheus::ClientMetric& Exposition::add(std::string_view name, std::string_view help, prometheus::MetricType type,
                                          const MetricLabels& labels) {
    auto place = places_.find(name);
    if (place == places_.end()) {
        place = places_.emplace(name, families_.size()).first;
        families_.push_back({std::string(name), std::string(help), type, {}});
    }
    last_family_ = place->second;
    prometheus::ClientMetric& metric = families_[last_family_].metric.emplace_back();
    for (const auto& [label, value] : labels) metric.label.push_back({label, clean(value)});
    return metric;
}

void Exposition::counter(std::string_view name, std::string_view help, const MetricLabels& labels, double value) {
    prometheus::ClientMetric& metric = add(name, help, prometheus::MetricType::Counter, labels);
    std::string key = key_of(name, metric.label);
    if (const auto before = before_.find(key); before != before_.end()) value = std::max(value, before->second);
    metric.counter.value = value;
    shown_.insert_or_assign(std::move(key), value);
}

void Exposition::gauge(std::string_view name, std::string_view help, const MetricLabels& labels, double value) {
    add(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
}

void Exposition::histogram(std::string_view name, std::string_view help, const MetricLabels& labels,
                           const ExposedHistogram& histogram) {
    prometheus::ClientMetric& metric = add(name, help, prometheus::MetricType::Histogram, labels);
    for (const auto& [bound, count] : histogram.buckets) metric.histogram.bucket.push_back({count, bound});
    metric.histogram.sample_count = histogram.buckets.empty() ? 0 : histogram.buckets.back().second;
    metric.histogram.sample_sum = histogram.sum;
}

void Exposition::refer_to(std::vector<ShownExemplar> exemplars) {
    if (!exemplars.empty())
        exemplars_[{last_family_, families_[last_family_].metric.size() - 1}] = std::move(exemplars);
}

std::string Exposition::text(ExpositionFormat format) const {
    if (format == ExpositionFormat::kOpenMetrics) return write_open_metrics(families_, exemplars_);
    return prometheus::TextSerializer().Serialize(families_);
}

}  // namespace spanring::agent
