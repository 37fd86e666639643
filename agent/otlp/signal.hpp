// SPDX-License-Identifier: Apache-2.0
//
// What OTLP carries: spans, log records, data points of metrics. The three kinds of request are the same down to these:
// { Resource..., Scope..., elements }, by the same numbers of fields (opentelemetry-proto 1.10), so that a log record
// goes wherever a span goes of which nobody wants to know more than where it begins and ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace spanring::agent {

enum class Signal : uint8_t { kTraces, kLogs, kMetrics };
inline constexpr size_t kSignals = 3;

struct SignalNames {
    const char* name;         // "traces", as configurations and the Collector's metrics have it
    const char* path;         // of HTTP: "/v1/traces"
    const char* method;       // of gRPC, with its service: "/opentelemetry. ... /Export"
    const char* request;      // "ExportTraceServiceRequest"
    const char* item;         // what is counted: "span"
    const char* items;        // "spans"
    const char* rejected;     // in the JSON of an answer: "rejectedSpans"
    const char* metric_part;  // of names of the Collector's metrics: "spans"
};
const SignalNames& names_of(Signal signal);

// How many spans, log records or data points an element is: a metric has any number of them. Nothing: it is not a
// message.
std::optional<uint32_t> items_in(Signal signal, std::span<const uint8_t> element);

}  // namespace spanring::agent
