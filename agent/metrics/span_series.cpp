// SPDX-License-Identifier: Apache-2.0
#include "metrics/span_series.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "base/wall_clock.hpp"
#include "otlp/span_decoder.hpp"
#include "span_metrics/span_metrics.hpp"

namespace spanring::agent {
namespace {

// Of an exponential histogram, which this format does not have, the counts up to these powers of 2 are shown: bounds
// that it has at every scale, so that they are exact. 16 us to 16 s, or in seconds 15 us to 16 s.
constexpr int kFirstPower = -6, kLastPower = 14;
constexpr int kPowersToSeconds = -10;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

MetricLabels labels_of(const SeriesLabels& series) {
    MetricLabels labels;
    for (const auto& [name, value] : series) labels.emplace_back(prometheus_name(name), value);
    return labels;
}

uint64_t sum(const std::vector<uint64_t>& counts) { return std::accumulate(counts.begin(), counts.end(), uint64_t{0}); }

ExposedHistogram explicit_histogram(const std::vector<uint64_t>& counts, const DurationBuckets& buckets, double unit) {
    ExposedHistogram shown;
    uint64_t count = 0;
    for (size_t i = 0; i < buckets.bounds().size(); ++i) {
        count += i < counts.size() ? counts[i] : 0;
        shown.buckets.emplace_back(static_cast<double>(buckets.bounds()[i]) / unit, count);
    }
    shown.buckets.emplace_back(kInfinity, sum(counts));
    return shown;
}

ExposedHistogram exponential_histogram(const MeasuredSeries& series, DurationUnit unit) {
    ExposedHistogram shown;
    const int shift = unit == DurationUnit::kSeconds ? kPowersToSeconds : 0;
    size_t next = 0;
    uint64_t count = 0;
    for (int power = kFirstPower + shift; power <= kLastPower + shift; ++power) {
        const auto end =
            static_cast<size_t>(DurationBuckets::kMiddle + power * static_cast<int>(DurationBuckets::kOfADoubling));
        for (; next < std::min(end, series.counts.size()); ++next) count += series.counts[next];
        shown.buckets.emplace_back(
            power < 0 ? 1.0 / static_cast<double>(uint64_t{1} << -power) : static_cast<double>(uint64_t{1} << power),
            count);
    }
    shown.buckets.emplace_back(kInfinity, series.calls());
    return shown;
}

std::vector<ShownExemplar> shown_exemplars(const MeasuredSeries& series, double unit, uint64_t now) {
    std::vector<ShownExemplar> shown;
    for (const Exemplar& exemplar : series.exemplars) {
        // A time that is still to come is not believed.
        const double seconds = exemplar.end_unix_nano <= now ? static_cast<double>(exemplar.end_unix_nano) / 1e9 : 0;
        shown.push_back({to_hex(exemplar.trace_id), to_hex(exemplar.span_id),
                         static_cast<double>(exemplar.nanoseconds) / unit, seconds});
    }
    const auto newer = [](const ShownExemplar& one, const ShownExemplar& other) {
        return one.unix_seconds > other.unix_seconds;
    };
    std::sort(shown.begin(), shown.end(), newer);  // of those of one bucket the first is shown
    return shown;
}

MetricLabels labels_of(const GraphEdge& edge) {
    if (edge.overflow) return {{"otel_metric_overflow", "true"}};
    return {{"client", edge.client}, {"server", edge.server}, {"connection_type", edge.connection_type}};
}

}  // namespace

void add_graph_series(Exposition& page, const ServiceGraph& graph) {
    const double unit = nanoseconds_in(DurationUnit::kSeconds);
    const auto all = graph.measured();
    const auto number = [](uint64_t value) { return static_cast<double>(value); };
    const auto histogram = [&](const char* name, const char* help, const MetricLabels& labels,
                               const std::vector<uint64_t>& counts, double nanoseconds) {
        ExposedHistogram shown = explicit_histogram(counts, graph.buckets(), unit);
        shown.sum = nanoseconds / unit;
        page.histogram(name, help, labels, shown);
    };
    for (const auto& [edge, measured] : all) {
        const MetricLabels labels = labels_of(edge);
        if (measured.unpaired != 0)
            page.counter("traces_service_graph_unpaired_spans_total", "Spans whose other side did not come in time.",
                         labels, number(measured.unpaired));
        const uint64_t requests = measured.requests();
        if (requests == 0) continue;
        page.counter("traces_service_graph_request_total", "Requests between two services.", labels, number(requests));
        page.counter("traces_service_graph_request_failed_total", "Those of them that failed, on either side.", labels,
                     number(measured.failed));
        histogram("traces_service_graph_request_client_seconds", "Their time, as the client has it.", labels,
                  measured.client_counts, measured.client_nanoseconds);
        histogram("traces_service_graph_request_server_seconds", "Their time, as the server has it.", labels,
                  measured.server_counts, measured.server_nanoseconds);
    }
    page.counter("traces_service_graph_dropped_spans_total", "Spans for which the store had no room.", {},
                 number(graph.dropped()));
    page.gauge("spanring_service_graph_waiting_spans", "Spans that wait for their other side.", {},
               static_cast<double>(graph.waiting()));
}

void add_span_series(Exposition& page, const SpanMetrics& metrics) {
    if (metrics.graph() != nullptr) add_graph_series(page, *metrics.graph());
    if (!metrics.measures()) return;
    const SpanMetricsOptions& options = metrics.options();
    const bool seconds = options.unit == DurationUnit::kSeconds;
    const double unit = nanoseconds_in(options.unit);
    const std::string prefix = options.prefix.empty() ? "" : prometheus_name(options.prefix) + "_";
    const std::string calls = prefix + "calls_total";
    const std::string duration = prefix + "duration_" + (seconds ? "seconds" : "milliseconds");
    const uint64_t now = unix_nano();
    const auto all = metrics.measured();
    page.gauge("spanring_span_metrics_series", "Series of what is measured of spans.", {},
               static_cast<double>(all.size()));
    for (const auto& [names, series] : all) {
        const MetricLabels labels = labels_of(names);
        const std::vector<ShownExemplar> exemplars = shown_exemplars(series, unit, now);
        page.counter(calls, "Spans, by what they are.", labels, static_cast<double>(series.calls()));
        if (!exemplars.empty()) {
            ShownExemplar one = exemplars.front();
            one.value = 1;  // it is one call
            page.refer_to({one});
        }
        if (options.without_histogram) continue;
        ExposedHistogram shown = options.exponential ? exponential_histogram(series, options.unit)
                                                     : explicit_histogram(series.counts, metrics.buckets(), unit);
        shown.sum = series.nanoseconds / unit;
        page.histogram(duration, "Durations of spans, by what they are.", labels, shown);
        page.refer_to(exemplars);
    }
}

}  // namespace spanring::agent
