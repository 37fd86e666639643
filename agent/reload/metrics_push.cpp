// SPDX-License-Identifier: Apache-2.0
#include "reload/metrics_push.hpp"

#include <algorithm>
#include <utility>

#include "base/wall_clock.hpp"

namespace spanring::agent {
namespace {

constexpr std::chrono::seconds kLastPush{1};  // spans have the rest of the time that there is

}  // namespace

MetricsPush::MetricsPush(const Config& config, const MetricsSources& sources, const Make& make, Take take)
    : start_{unix_nano(), 0}, metrics_(sources) {
    const auto window = [this] { return MetricsWindow{start_.start_unix_nano, unix_nano()}; };
    std::vector<PeriodicMetrics::Task> tasks;
    for (const MetricsReader& reader : config.metrics_readers) {
        exporters_.push_back(make(exporter_of(reader, exporters_.size()), static_cast<uint32_t>(exporters_.size())));
        tasks.push_back({std::chrono::milliseconds(reader.interval_ms), [this, window, to = exporters_.back().get()] {
                             to->submit(batch_of_metrics(metrics_.otlp(window())));
                         }});
    }
    const SpanMetrics* const spans = sources.span_metrics;
    if (spans != nullptr && pushes(config, kSpanMetrics))
        tasks.push_back({config.span_metrics_interval, [=] { take(otlp_of_spans(*spans, window())); }});
    if (spans != nullptr && pushes(config, kServiceGraph))
        tasks.push_back({config.service_graph_interval, [=] { take(otlp_of_graph(*spans, window())); }});
    periodic_ = std::make_unique<PeriodicMetrics>(std::move(tasks));
}

void MetricsPush::stop(Clock::time_point deadline) {
    periodic_->stop();
    const Clock::time_point soon = std::min(deadline, Clock::now() + kLastPush);
    for (const auto& exporter : exporters_) {
        exporter->flush(soon);
        exporter->shutdown(soon);
    }
}

}  // namespace spanring::agent
