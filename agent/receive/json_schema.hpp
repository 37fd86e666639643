// SPDX-License-Identifier: Apache-2.0
//
// The messages of OTLP by the names of their fields in JSON, a row for each (opentelemetry-proto 1.10). What has no row
// is left out.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace spanring::agent::json_schema {

enum class Kind : uint8_t {
    kText,
    kHex,
    kBase64,
    kUnsigned,  // of 32 bits
    kUnsigned64,
    kSigned,
    kZigzag32,
    kFixed64,
    kSignedFixed64,
    kFixed32,
    kBool,
    kDouble,
    kMessage,
};

enum class Name : uint8_t {
    kRequest,
    kResourceSpans,
    kResource,
    kScopeSpans,
    kScope,
    kSpan,
    kEvent,
    kLink,
    kStatus,
    kKeyValue,
    kAnyValue,
    kArrayValue,
    kKeyValueList,
    kLogsRequest,
    kResourceLogs,
    kScopeLogs,
    kLogRecord,
    kMetricsRequest,
    kResourceMetrics,
    kScopeMetrics,
    kMetric,
    kGauge,
    kSum,
    kHistogram,
    kExponentialHistogram,
    kSummary,
    kNumberPoint,
    kHistogramPoint,
    kExponentialPoint,
    kBuckets,
    kSummaryPoint,
    kQuantile,
    kExemplar,
    kNone,
};

struct Row {
    Name message;
    const char* key;
    uint32_t field;
    Kind kind;
    Name child = Name::kNone;
    bool repeated = false;
};

// clang-format off
inline constexpr std::array kRows = {
    Row{Name::kRequest, "resourceSpans", 1, Kind::kMessage, Name::kResourceSpans, true},

    Row{Name::kResourceSpans, "resource", 1, Kind::kMessage, Name::kResource},
    Row{Name::kResourceSpans, "scopeSpans", 2, Kind::kMessage, Name::kScopeSpans, true},
    Row{Name::kResourceSpans, "schemaUrl", 3, Kind::kText},

    Row{Name::kResource, "attributes", 1, Kind::kMessage, Name::kKeyValue, true},
    Row{Name::kResource, "droppedAttributesCount", 2, Kind::kUnsigned},

    Row{Name::kScopeSpans, "scope", 1, Kind::kMessage, Name::kScope},
    Row{Name::kScopeSpans, "spans", 2, Kind::kMessage, Name::kSpan, true},
    Row{Name::kScopeSpans, "schemaUrl", 3, Kind::kText},

    Row{Name::kScope, "name", 1, Kind::kText},
    Row{Name::kScope, "version", 2, Kind::kText},
    Row{Name::kScope, "attributes", 3, Kind::kMessage, Name::kKeyValue, true},
    Row{Name::kScope, "droppedAttributesCount", 4, Kind::kUnsigned},

    Row{Name::kSpan, "traceId", 1, Kind::kHex},
    Row{Name::kSpan, "spanId", 2, Kind::kHex},
    Row{Name::kSpan, "traceState", 3, Kind::kText},
    Row{Name::kSpan, "parentSpanId", 4, Kind::kHex},
    Row{Name::kSpan, "name", 5, Kind::kText},
    Row{Name::kSpan, "kind", 6, Kind::kUnsigned},
    Row{Name::kSpan, "startTimeUnixNano", 7, Kind::kFixed64},
    Row{Name::kSpan, "endTimeUnixNano", 8, Kind::kFixed64},
    Row{Name::kSpan, "attributes", 9, Kind::kMessage, Name::kKeyValue, true},
    Row{Name::kSpan, "droppedAttributesCount", 10, Kind::kUnsigned},
    Row{Name::kSpan, "events", 11, Kind::kMessage, Name::kEvent, true},
    Row{Name::kSpan, "droppedEventsCount", 12, Kind::kUnsigned},
    Row{Name::kSpan, "links", 13, Kind::kMessage, Name::kLink, true},
    Row{Name::kSpan, "droppedLinksCount", 14, Kind::kUnsigned},
    Row{Name::kSpan, "status", 15, Kind::kMessage, Name::kStatus},
    Row{Name::kSpan, "flags", 16, Kind::kFixed32},

    Row{Name::kEvent, "timeUnixNano", 1, Kind::kFixed64},
    Row{Name::kEvent, "name", 2, Kind::kText},
    Row{Name::kEvent, "attributes", 3, Kind::kMessage, Name::kKeyValue, true},
    Row{Name::kEvent, "droppedAttributesCount", 4, Kind::kUnsigned},

    Row{Name::kLink, "traceId", 1, Kind::kHex},
    Row{Name::kLink, "spanId", 2, Kind::kHex},
    Row{Name::kLink, "traceState", 3, Kind::kText},
    Row{Name::kLink, "attributes", 4, Kind::kMessage, Name::kKeyValue, true},
    Row{Name::kLink, "droppedAttributesCount", 5, Kind::kUnsigned},
    Row{Name::kLink, "flags", 6, Kind::kFixed32},

    Row{Name::kStatus, "message", 2, Kind::kText},
    Row{Name::kStatus, "code", 3, Kind::kUnsigned},

    Row{Name::kKeyValue, "key", 1, Kind::kText},
    Row{Name::kKeyValue, "value", 2, Kind::kMessage, Name::kAnyValue},

    Row{Name::kAnyValue, "stringValue", 1, Kind::kText},
    Row{Name::kAnyValue, "boolValue", 2, Kind::kBool},
    Row{Name::kAnyValue, "intValue", 3, Kind::kSigned},
    Row{Name::kAnyValue, "doubleValue", 4, Kind::kDouble},
    Row{Name::kAnyValue, "arrayValue", 5, Kind::kMessage, Name::kArrayValue},
    Row{Name::kAnyValue, "kvlistValue", 6, Kind::kMessage, Name::kKeyValueList},
    Row{Name::kAnyValue, "bytesValue", 7, Kind::kBase64},

    Row{Name::kArrayValue, "values", 1, Kind::kMessage, Name::kAnyValue, true},
    Row{Name::kKeyValueList, "values", 1, Kind::kMessage, Name::kKeyValue, true},

    Row{Name::kLogsRequest, "resourceLogs", 1, Kind::kMessage, Name::kResourceLogs, true},

    Row{Name::kResourceLogs, "resource", 1, Kind::kMessage, Name::kResource},
    Row{Name::kResourceLogs, "scopeLogs", 2, Kind::kMessage, Name::kScopeLogs, true},
    Row{Name::kResourceLogs, "schemaUrl", 3, Kind::kText},

    Row{Name::kScopeLogs, "scope", 1, Kind::kMessage, Name::kScope},
    Row{Name::kScopeLogs, "logRecords", 2, Kind::kMessage, Name::kLogRecord, true},
    Row{Name::kScopeLogs, "schemaUrl", 3, Kind::kText},

    Row{Name::kLogRecord, "timeUnixNano", 1, Kind::kFixed64},
    Row{Name::kLogRecord, "severityNumber", 2, Kind::kUnsigned},
    Row{Name::kLogRecord, "severityText", 3, Kind::kText},
    Row{Name::kLogRecord, "body", 5, Kind::kMessage, Name::kAnyValue},
    Row{Name::kLogRecord, "attributes", 6, Kind::kMessage, Name::kKeyValue, true},
    Row{Name::kLogRecord, "droppedAttributesCount", 7, Kind::kUnsigned},
    Row{Name::kLogRecord, "flags", 8, Kind::kFixed32},
    Row{Name::kLogRecord, "traceId", 9, Kind::kHex},
    Row{Name::kLogRecord, "spanId", 10, Kind::kHex},
    Row{Name::kLogRecord, "observedTimeUnixNano", 11, Kind::kFixed64},
    Row{Name::kLogRecord, "eventName", 12, Kind::kText},

    Row{Name::kMetricsRequest, "resourceMetrics", 1, Kind::kMessage, Name::kResourceMetrics, true},

    Row{Name::kResourceMetrics, "resource", 1, Kind::kMessage, Name::kResource},
    Row{Name::kResourceMetrics, "scopeMetrics", 2, Kind::kMessage, Name::kScopeMetrics, true},
    Row{Name::kResourceMetrics, "schemaUrl", 3, Kind::kText},

    Row{Name::kScopeMetrics, "scope", 1, Kind::kMessage, Name::kScope},
    Row{Name::kScopeMetrics, "metrics", 2, Kind::kMessage, Name::kMetric, true},
    Row{Name::kScopeMetrics, "schemaUrl", 3, Kind::kText},

    Row{Name::kMetric, "name", 1, Kind::kText},
    Row{Name::kMetric, "description", 2, Kind::kText},
    Row{Name::kMetric, "unit", 3, Kind::kText},
    Row{Name::kMetric, "gauge", 5, Kind::kMessage, Name::kGauge},
    Row{Name::kMetric, "sum", 7, Kind::kMessage, Name::kSum},
    Row{Name::kMetric, "histogram", 9, Kind::kMessage, Name::kHistogram},
    Row{Name::kMetric, "exponentialHistogram", 10, Kind::kMessage, Name::kExponentialHistogram},
    Row{Name::kMetric, "summary", 11, Kind::kMessage, Name::kSummary},
    Row{Name::kMetric, "metadata", 12, Kind::kMessage, Name::kKeyValue, true},

    Row{Name::kGauge, "dataPoints", 1, Kind::kMessage, Name::kNumberPoint, true},
    Row{Name::kSum, "dataPoints", 1, Kind::kMessage, Name::kNumberPoint, true},
    Row{Name::kSum, "aggregationTemporality", 2, Kind::kUnsigned},
    Row{Name::kSum, "isMonotonic", 3, Kind::kBool},
    Row{Name::kHistogram, "dataPoints", 1, Kind::kMessage, Name::kHistogramPoint, true},
    Row{Name::kHistogram, "aggregationTemporality", 2, Kind::kUnsigned},
    Row{Name::kExponentialHistogram, "dataPoints", 1, Kind::kMessage, Name::kExponentialPoint, true},
    Row{Name::kExponentialHistogram, "aggregationTemporality", 2, Kind::kUnsigned},
    Row{Name::kSummary, "dataPoints", 1, Kind::kMessage, Name::kSummaryPoint, true},

    Row{Name::kNumberPoint, "startTimeUnixNano", 2, Kind::kFixed64},
    Row{Name::kNumberPoint, "timeUnixNano", 3, Kind::kFixed64},
    Row{Name::kNumberPoint, "asDouble", 4, Kind::kDouble},
    Row{Name::kNumberPoint, "exemplars", 5, Kind::kMessage, Name::kExemplar, true},
    Row{Name::kNumberPoint, "asInt", 6, Kind::kSignedFixed64},
    Row{Name::kNumberPoint, "attributes", 7, Kind::kMessage, Name::kKeyValue, true},
    Row{Name::kNumberPoint, "flags", 8, Kind::kUnsigned},

    Row{Name::kHistogramPoint, "startTimeUnixNano", 2, Kind::kFixed64},
    Row{Name::kHistogramPoint, "timeUnixNano", 3, Kind::kFixed64},
    Row{Name::kHistogramPoint, "count", 4, Kind::kFixed64},
    Row{Name::kHistogramPoint, "sum", 5, Kind::kDouble},
    Row{Name::kHistogramPoint, "bucketCounts", 6, Kind::kFixed64, Name::kNone, true},
    Row{Name::kHistogramPoint, "explicitBounds", 7, Kind::kDouble, Name::kNone, true},
    Row{Name::kHistogramPoint, "exemplars", 8, Kind::kMessage, Name::kExemplar, true},
    Row{Name::kHistogramPoint, "attributes", 9, Kind::kMessage, Name::kKeyValue, true},
    Row{Name::kHistogramPoint, "flags", 10, Kind::kUnsigned},
    Row{Name::kHistogramPoint, "min", 11, Kind::kDouble},
    Row{Name::kHistogramPoint, "max", 12, Kind::kDouble},

    Row{Name::kExponentialPoint, "attributes", 1, Kind::kMessage, Name::kKeyValue, true},
    Row{Name::kExponentialPoint, "startTimeUnixNano", 2, Kind::kFixed64},
    Row{Name::kExponentialPoint, "timeUnixNano", 3, Kind::kFixed64},
    Row{Name::kExponentialPoint, "count", 4, Kind::kFixed64},
    Row{Name::kExponentialPoint, "sum", 5, Kind::kDouble},
    Row{Name::kExponentialPoint, "scale", 6, Kind::kZigzag32},
    Row{Name::kExponentialPoint, "zeroCount", 7, Kind::kFixed64},
    Row{Name::kExponentialPoint, "positive", 8, Kind::kMessage, Name::kBuckets},
    Row{Name::kExponentialPoint, "negative", 9, Kind::kMessage, Name::kBuckets},
    Row{Name::kExponentialPoint, "flags", 10, Kind::kUnsigned},
    Row{Name::kExponentialPoint, "exemplars", 11, Kind::kMessage, Name::kExemplar, true},
    Row{Name::kExponentialPoint, "min", 12, Kind::kDouble},
    Row{Name::kExponentialPoint, "max", 13, Kind::kDouble},
    Row{Name::kExponentialPoint, "zeroThreshold", 14, Kind::kDouble},

    Row{Name::kBuckets, "offset", 1, Kind::kZigzag32},
    Row{Name::kBuckets, "bucketCounts", 2, Kind::kUnsigned64, Name::kNone, true},

    Row{Name::kSummaryPoint, "startTimeUnixNano", 2, Kind::kFixed64},
    Row{Name::kSummaryPoint, "timeUnixNano", 3, Kind::kFixed64},
    Row{Name::kSummaryPoint, "count", 4, Kind::kFixed64},
    Row{Name::kSummaryPoint, "sum", 5, Kind::kDouble},
    Row{Name::kSummaryPoint, "quantileValues", 6, Kind::kMessage, Name::kQuantile, true},
    Row{Name::kSummaryPoint, "attributes", 7, Kind::kMessage, Name::kKeyValue, true},
    Row{Name::kSummaryPoint, "flags", 8, Kind::kUnsigned},

    Row{Name::kQuantile, "quantile", 1, Kind::kDouble},
    Row{Name::kQuantile, "value", 2, Kind::kDouble},

    Row{Name::kExemplar, "timeUnixNano", 2, Kind::kFixed64},
    Row{Name::kExemplar, "asDouble", 3, Kind::kDouble},
    Row{Name::kExemplar, "spanId", 4, Kind::kHex},
    Row{Name::kExemplar, "traceId", 5, Kind::kHex},
    Row{Name::kExemplar, "asInt", 6, Kind::kSignedFixed64},
    Row{Name::kExemplar, "filteredAttributes", 7, Kind::kMessage, Name::kKeyValue, true},
};
// clang-format on

inline const Row* find(Name message, std::string_view key) {
    const auto* const row = std::find_if(kRows.begin(), kRows.end(),
                                         [&](const Row& each) { return each.message == message && each.key == key; });
    return row != kRows.end() ? row : nullptr;
}

// Of which an array is one field, whose bytes are its values: all parsers take that.
inline bool is_packed(const Row& row) {
    return row.repeated && (row.kind == Kind::kFixed64 || row.kind == Kind::kDouble || row.kind == Kind::kUnsigned64);
}

}  // namespace spanring::agent::json_schema
