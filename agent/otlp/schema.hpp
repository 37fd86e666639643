// SPDX-License-Identifier: Apache-2.0
//
// The messages that a span is made of, a row for each field: what the validator demands of it, and what a shape may
// loosen. Numbers, types and names are those of opentelemetry-proto 1.10 (trace/v1/trace.proto, common/v1/common.proto,
// resource/v1/resource.proto); what is asked beyond its type is said at Content and Times. A field without a row is
// refused.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "otlp/wire.hpp"

namespace spanring::agent::schema {

enum class Message : uint8_t {
    kSpan,
    kEvent,
    kLink,
    kStatus,
    kResource,
    kScope,
    kKeyValue,
    kAnyValue,
    kArrayValue,
    kKeyValueList,
    kNoMessage,  // of a field that holds none
};

// What a field holds; the wire type follows from it.
enum class Content : uint8_t {
    kVarint,
    kFixed64,
    kFixed32,
    kText,           // UTF-8: C++ parsers refuse a whole request for one string that is not
    kBytes,          // any
    kTraceId,        // 16 bytes, not all zero
    kSpanId,         // 8 bytes, not all zero
    kParentSpanId,   // 8 bytes, or none
    kLinkedTraceId,  // 16 bytes, or none: a link to an invalid context is legal (specification, trace/api.md, "Link")
    kLinkedSpanId,   // 8 bytes, or none
    kChild,          // a message
    kDeeperChild,    // a message, by which values come to be nested
};

enum class Times : uint8_t {
    kAny,       // repeated; or a scalar, of which the last one counts
    kRequired,  // at least once
    kOnce,      // at most once: parsers merge two messages
    kOneOf,     // at most one of all fields of this kind: parsers merge, or take the last
};

struct Row {
    Message message{};
    uint8_t field = 0;
    Content content{};
    Message child = Message::kNoMessage;
    Times times = Times::kAny;
};

inline constexpr auto kRows = [] {
    using enum Message;
    using enum Content;
    using enum Times;
    return std::to_array<Row>({
        // trace.v1.Span
        {kSpan, 1, kTraceId, kNoMessage, kRequired},  // trace_id
        {kSpan, 2, kSpanId, kNoMessage, kRequired},   // span_id
        {kSpan, 3, kText},                            // trace_state
        {kSpan, 4, kParentSpanId},                    // parent_span_id
        {kSpan, 5, kText},                            // name
        {kSpan, 6, kVarint},                          // kind
        {kSpan, 7, kFixed64},                         // start_time_unix_nano
        {kSpan, 8, kFixed64},                         // end_time_unix_nano
        {kSpan, 9, kChild, kKeyValue},                // attributes
        {kSpan, 10, kVarint},                         // dropped_attributes_count
        {kSpan, 11, kChild, kEvent},                  // events
        {kSpan, 12, kVarint},                         // dropped_events_count
        {kSpan, 13, kChild, kLink},                   // links
        {kSpan, 14, kVarint},                         // dropped_links_count
        {kSpan, 15, kChild, kStatus, kOnce},          // status
        {kSpan, 16, kFixed32},                        // flags

        // trace.v1.Span.Event
        {kEvent, 1, kFixed64},           // time_unix_nano
        {kEvent, 2, kText},              // name
        {kEvent, 3, kChild, kKeyValue},  // attributes
        {kEvent, 4, kVarint},            // dropped_attributes_count

        // trace.v1.Span.Link
        {kLink, 1, kLinkedTraceId},     // trace_id
        {kLink, 2, kLinkedSpanId},      // span_id
        {kLink, 3, kText},              // trace_state
        {kLink, 4, kChild, kKeyValue},  // attributes
        {kLink, 5, kVarint},            // dropped_attributes_count
        {kLink, 6, kFixed32},           // flags

        // trace.v1.Status; field 1 is reserved
        {kStatus, 2, kText},    // message
        {kStatus, 3, kVarint},  // code

        // resource.v1.Resource; entity_refs (3) is in development
        {kResource, 1, kChild, kKeyValue},  // attributes
        {kResource, 2, kVarint},            // dropped_attributes_count

        // common.v1.InstrumentationScope
        {kScope, 1, kText},              // name
        {kScope, 2, kText},              // version
        {kScope, 3, kChild, kKeyValue},  // attributes
        {kScope, 4, kVarint},            // dropped_attributes_count

        // common.v1.KeyValue
        {kKeyValue, 1, kText},                     // key
        {kKeyValue, 2, kChild, kAnyValue, kOnce},  // value

        // common.v1.AnyValue
        {kAnyValue, 1, kText, kNoMessage, kOneOf},            // string_value
        {kAnyValue, 2, kVarint, kNoMessage, kOneOf},          // bool_value
        {kAnyValue, 3, kVarint, kNoMessage, kOneOf},          // int_value
        {kAnyValue, 4, kFixed64, kNoMessage, kOneOf},         // double_value
        {kAnyValue, 5, kDeeperChild, kArrayValue, kOneOf},    // array_value
        {kAnyValue, 6, kDeeperChild, kKeyValueList, kOneOf},  // kvlist_value
        {kAnyValue, 7, kBytes, kNoMessage, kOneOf},           // bytes_value

        // common.v1.ArrayValue, common.v1.KeyValueList
        {kArrayValue, 1, kChild, kAnyValue},    // values
        {kKeyValueList, 1, kChild, kKeyValue},  // values
    });
}();

constexpr uint32_t tag_of(const Row& row) {
    switch (row.content) {
        case Content::kVarint: return wire::tags::varint(row.field);
        case Content::kFixed64: return wire::tags::fixed64(row.field);
        case Content::kFixed32: return wire::tags::fixed32(row.field);
        default: return wire::tags::bytes(row.field);
    }
}

// Null: there is no such field.
constexpr const Row* find(Message message, uint32_t field) {
    for (const Row& row : kRows) {
        if (row.message == message && row.field == field) return &row;
    }
    return nullptr;
}

// The rows of one message, for code that is made from them.
template <Message kMessage>
inline constexpr auto kRowsOf = [] {
    constexpr auto is_of = [](const Row& row) { return row.message == kMessage; };
    std::array<Row, std::count_if(kRows.begin(), kRows.end(), is_of)> rows{};
    std::copy_if(kRows.begin(), kRows.end(), rows.begin(), is_of);
    return rows;
}();

}  // namespace spanring::agent::schema
