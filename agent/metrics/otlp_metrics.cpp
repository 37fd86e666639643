// SPDX-License-Identifier: Apache-2.0
#include "metrics/otlp_metrics.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <map>
#include <string_view>
#include <utility>

#include <unistd.h>

#include "base/version.hpp"
#include "metrics/exposition.hpp"
#include "metrics/span_series.hpp"
#include "otlp/wire_append.hpp"
#include "span_metrics/span_metrics.hpp"

namespace spanring::agent {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

constexpr uint64_t kCumulative = 2;  // AggregationTemporality

void append_fixed64(std::string& to, uint32_t field, uint64_t value) {
    wire::append_varint(to, wire::tags::fixed64(field));
    to.append(reinterpret_cast<const char*>(&value), sizeof value);
}
void append_double(std::string& to, uint32_t field, double value) {
    append_fixed64(to, field, std::bit_cast<uint64_t>(value));
}
void append_zigzag(std::string& to, uint32_t field, int32_t value) {
    wire::append_number(to, field, (static_cast<uint32_t>(value) << 1) ^ static_cast<uint32_t>(value >> 31));
}

void append_attribute(std::string& to, uint32_t field, const std::string& key, const std::string& text) {
    std::string value, pair;
    wire::append_bytes(value, 1, text);
    wire::append_bytes(pair, 1, key);
    wire::append_bytes(pair, 2, value);
    wire::append_bytes(to, field, pair);
}
void append_attributes(std::string& to, uint32_t field, const Labels& labels) {
    for (const auto& [key, text] : labels) append_attribute(to, field, key, text);
}

// metrics.v1.NumberDataPoint
std::string number_point(const Labels& labels, const MetricsWindow& window, double value, bool counts) {
    std::string point;
    if (counts) append_fixed64(point, 2, window.start_unix_nano);
    append_fixed64(point, 3, window.unix_nano);
    const bool whole = std::trunc(value) == value && std::abs(value) < 9e15;
    if (whole)
        append_fixed64(point, 6, static_cast<uint64_t>(static_cast<int64_t>(value)));
    else
        append_double(point, 4, value);
    append_attributes(point, 7, labels);
    return point;
}

// metrics.v1.HistogramDataPoint. `counts`: one more than there are bounds.
std::string histogram_point(const Labels& labels, const MetricsWindow& window, const std::vector<double>& bounds,
                            const std::vector<uint64_t>& counts, double sum) {
    std::string point, packed;
    uint64_t count = 0;
    for (const uint64_t each : counts) count += each;
    append_fixed64(point, 2, window.start_unix_nano);
    append_fixed64(point, 3, window.unix_nano);
    append_fixed64(point, 4, count);
    append_double(point, 5, sum);
    for (const uint64_t each : counts) packed.append(reinterpret_cast<const char*>(&each), sizeof each);
    wire::append_bytes(point, 6, packed);
    packed.clear();
    for (const double bound : bounds) packed.append(reinterpret_cast<const char*>(&bound), sizeof bound);
    if (!packed.empty()) wire::append_bytes(point, 7, packed);
    append_attributes(point, 9, labels);
    return point;
}

// metrics.v1.ExponentialHistogramDataPoint, of the buckets that are not empty at either end.
std::string exponential_point(const Labels& labels, const MetricsWindow& window, const std::vector<uint64_t>& counts,
                              double sum) {
    std::string point, buckets, packed;
    uint64_t count = 0;
    size_t first = counts.size(), last = 0;
    for (size_t i = 0; i < counts.size(); ++i) {
        count += counts[i];
        if (i == DurationBuckets::kZero || counts[i] == 0) continue;
        first = std::min(first, i);
        last = i;
    }
    append_attributes(point, 1, labels);
    append_fixed64(point, 2, window.start_unix_nano);
    append_fixed64(point, 3, window.unix_nano);
    append_fixed64(point, 4, count);
    append_double(point, 5, sum);
    append_zigzag(point, 6, DurationBuckets::kScale);
    append_fixed64(point, 7, counts.empty() ? 0 : counts[DurationBuckets::kZero]);
    if (first < counts.size()) {
        append_zigzag(buckets, 1, static_cast<int32_t>(first) - DurationBuckets::kMiddle);
        for (size_t i = first; i <= last; ++i) wire::append_varint(packed, counts[i]);
        wire::append_bytes(buckets, 2, packed);
        wire::append_bytes(point, 8, buckets);
    }
    return point;
}

// The fields of metrics.v1.Metric that hold points.
enum class Shape : uint8_t { kGauge = 5, kSum = 7, kHistogram = 9, kExponential = 10 };

class MetricsOf {
public:
    // `points`: of a metric of that name, in the order in which they come.
    void add(const std::string& name, const std::string& help, const std::string& unit, Shape shape,
             const std::string& point) {
        if (metrics_.empty() || metrics_.back().name != name) {
            const auto known =
                std::find_if(metrics_.begin(), metrics_.end(), [&](const Metric& each) { return each.name == name; });
            if (known != metrics_.end()) return wire::append_bytes(known->data, 1, point);
            metrics_.push_back({name, help, unit, shape, {}});
        }
        wire::append_bytes(metrics_.back().data, 1, point);
    }

    // ResourceMetrics, with a resource and a scope.
    std::string whole(const Labels& resource, const std::string& scope_name) const {
        std::string attributes, scope, all, message;
        append_attributes(attributes, 1, resource);
        wire::append_bytes(message, 1, attributes);
        wire::append_bytes(scope, 1, scope_name);
        wire::append_bytes(scope, 2, version());
        wire::append_bytes(all, 1, scope);
        for (const Metric& metric : metrics_) wire::append_bytes(all, 2, body_of(metric));
        wire::append_bytes(message, 2, all);
        return message;
    }
    bool empty() const { return metrics_.empty(); }

private:
    struct Metric {
        std::string name, help, unit;
        Shape shape;
        std::string data;
    };

    static std::string body_of(const Metric& metric) {
        std::string body, data = metric.data;
        wire::append_bytes(body, 1, metric.name);
        if (!metric.help.empty()) wire::append_bytes(body, 2, metric.help);
        if (!metric.unit.empty()) wire::append_bytes(body, 3, metric.unit);
        if (metric.shape != Shape::kGauge) wire::append_number(data, 2, kCumulative);
        if (metric.shape == Shape::kSum) wire::append_number(data, 3, 1);  // is_monotonic
        wire::append_bytes(body, static_cast<uint32_t>(metric.shape), data);
        return body;
    }

    std::vector<Metric> metrics_;
};

std::string request_of(const std::string& resource_metrics) {
    std::string request;
    wire::append_bytes(request, 1, resource_metrics);
    return request;
}

Labels own_resource(const MetricsWindow& window) {
    char host[256] = "";
    ::gethostname(host, sizeof host - 1);
    // Another one after each start, as each start begins to count anew.
    const std::string instance =
        std::string(host) + "/" + std::to_string(::getpid()) + "/" + std::to_string(window.start_unix_nano);
    return {{"service.name", "spanring-agent"},
            {"service.version", version()},
            {"service.instance.id", instance},
            {"host.name", host}};
}

// Names as OpenTelemetry has them, where the page had to take their dots.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kDotted = {{
    {"otel_sdk_span_started", "otel.sdk.span.started"},
    {"otel_sdk_span_live", "otel.sdk.span.live"},
    {"otel_sdk_exporter_operation_duration_seconds", "otel.sdk.exporter.operation.duration"},
    {"otel_span_sampling_result", "otel.span.sampling_result"},
    {"otel_component_name", "otel.component.name"},
    {"otel_metric_overflow", "otel.metric.overflow"},
}};

std::string dotted(const std::string& name) {
    for (const auto& [from, to] : kDotted)
        if (name == from) return std::string(to);
    return name;
}

std::string without_total(std::string name) {
    constexpr std::string_view kTotal = "_total";
    if (name.ends_with(kTotal)) name.resize(name.size() - kTotal.size());
    return name;
}

const char* unit_of(const std::string& name) {
    if (name.ends_with("_bytes")) return "By";
    if (name.ends_with("_seconds")) return "s";
    return "";
}

void add_family(const prometheus::MetricFamily& family, const MetricsWindow& window, MetricsOf& metrics) {
    const std::string plain = without_total(family.name);
    const std::string name = dotted(plain);
    for (const prometheus::ClientMetric& metric : family.metric) {
        Labels labels;
        for (const auto& label : metric.label) labels.emplace_back(dotted(label.name), label.value);
        switch (family.type) {
            case prometheus::MetricType::Counter:
                metrics.add(name, family.help, unit_of(plain), Shape::kSum,
                            number_point(labels, window, metric.counter.value, true));
                break;
            case prometheus::MetricType::Histogram: {
                std::vector<double> bounds;
                std::vector<uint64_t> counts;
                uint64_t before = 0;
                for (const auto& bucket : metric.histogram.bucket) {
                    if (std::isfinite(bucket.upper_bound)) bounds.push_back(bucket.upper_bound);
                    counts.push_back(bucket.cumulative_count - std::exchange(before, bucket.cumulative_count));
                }
                if (counts.size() == bounds.size()) counts.push_back(0);
                metrics.add(name, family.help, unit_of(plain), Shape::kHistogram,
                            histogram_point(labels, window, bounds, counts, metric.histogram.sample_sum));
                break;
            }
            default:
                metrics.add(name, family.help, unit_of(plain), Shape::kGauge,
                            number_point(labels, window, metric.gauge.value, false));
                break;
        }
    }
}

}  // namespace

std::string otlp_of(const std::vector<prometheus::MetricFamily>& families, const MetricsWindow& window) {
    MetricsOf metrics;
    for (const prometheus::MetricFamily& family : families) add_family(family, window, metrics);
    return request_of(metrics.whole(own_resource(window), "spanring-agent"));
}

std::string otlp_of_spans(const SpanMetrics& metrics, const MetricsWindow& window) {
    if (!metrics.measures()) return {};
    const SpanMetricsOptions& options = metrics.options();
    const bool seconds = options.unit == DurationUnit::kSeconds;
    const double unit = nanoseconds_in(options.unit);
    const std::string prefix = options.prefix.empty() ? "" : options.prefix + ".";
    std::vector<double> bounds;
    for (const uint64_t bound : metrics.buckets().bounds()) bounds.push_back(static_cast<double>(bound) / unit);
    std::map<std::string, MetricsOf> services;
    for (const auto& [labels, series] : metrics.measured()) {
        const bool named = !labels.empty() && labels.front().first == "service.name";
        MetricsOf& service = services[named ? labels.front().second : ""];
        service.add(prefix + "calls", "Spans, by what they are.", "", Shape::kSum,
                    number_point(labels, window, static_cast<double>(series.calls()), true));
        if (options.without_histogram) continue;
        const double sum = series.nanoseconds / unit;
        std::vector<uint64_t> counts = series.counts;
        if (!options.exponential) counts.resize(bounds.size() + 1);
        service.add(prefix + "duration", "Durations of spans, by what they are.", seconds ? "s" : "ms",
                    options.exponential ? Shape::kExponential : Shape::kHistogram,
                    options.exponential ? exponential_point(labels, window, counts, sum)
                                        : histogram_point(labels, window, bounds, counts, sum));
    }
    std::string request;
    for (const auto& [name, service] : services)
        wire::append_bytes(request, 1, service.whole({{"service.name", name}}, "spanmetricsconnector"));
    return request;
}

std::string otlp_of_graph(const SpanMetrics& metrics, const MetricsWindow& window) {
    if (metrics.graph() == nullptr) return {};
    Exposition page;
    add_graph_series(page, *metrics.graph());
    MetricsOf graph;
    for (const prometheus::MetricFamily& family : page.families()) {
        if (!family.name.starts_with("traces_service_graph_")) continue;
        prometheus::MetricFamily kept = family;
        if (kept.name.ends_with("_total")) kept.name += "_total";  // the connector's own names end so
        add_family(kept, window, graph);
    }
    return graph.empty() ? std::string() : request_of(graph.whole(own_resource(window), "traces_service_graph"));
}

}  // namespace spanring::agent
