// SPDX-License-Identifier: Apache-2.0
#include "otlp/signal.hpp"

#include <array>

#include "otlp/wire.hpp"

namespace spanring::agent {
namespace {

constexpr std::array<SignalNames, kSignals> kNames = {{
    {"traces", "/v1/traces", "/opentelemetry.proto.collector.trace.v1.TraceService/Export", "ExportTraceServiceRequest",
     "span", "spans", "rejectedSpans", "spans"},
    {"logs", "/v1/logs", "/opentelemetry.proto.collector.logs.v1.LogsService/Export", "ExportLogsServiceRequest",
     "log record", "log records", "rejectedLogRecords", "log_records"},
    {"metrics", "/v1/metrics", "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
     "ExportMetricsServiceRequest", "data point", "data points", "rejectedDataPoints", "metric_points"},
}};

// metrics.v1.Metric: gauge, sum, histogram, exponential_histogram, summary; the points of each are its field 1.
constexpr bool has_points(uint32_t field) { return field == 5 || field == 7 || (field >= 9 && field <= 11); }

}  // namespace

const SignalNames& names_of(Signal signal) { return kNames[static_cast<size_t>(signal)]; }

std::optional<uint32_t> items_in(Signal signal, std::span<const uint8_t> element) {
    uint32_t points = 0;
    wire::Cursor cursor(element);
    for (wire::Field field; wire::next(cursor, field);) {
        if (signal != Signal::kMetrics || field.type != wire::Type::kBytes || !has_points(field.number)) continue;
        wire::Cursor data(field.bytes);
        for (wire::Field point; wire::next(data, point);) points += point.tag() == wire::tags::bytes(1) ? 1 : 0;
        if (!data.done()) return std::nullopt;
    }
    if (!cursor.done()) return std::nullopt;
    return signal == Signal::kMetrics ? points : 1;
}

}  // namespace spanring::agent
