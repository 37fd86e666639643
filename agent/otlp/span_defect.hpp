// SPDX-License-Identifier: Apache-2.0
//
// What may be wrong with a span so that it cannot go on.
#pragma once

#include <cstdint>

namespace spanring::agent {

enum class SpanDefect : uint8_t {
    kNone,
    kTruncated,     // a length runs past the end
    kVarint,        // more than 64 bits; or a tag or length of more than 5 bytes
    kWireType,      // not the one of its field, or a group
    kUnknownField,  // no field of Span, Event, Link, Status, KeyValue or AnyValue
    kTraceId,       // not 16 bytes, or all zero, or missing; in a Link only the size counts, and empty is allowed
    kSpanId,        // not 8 bytes, or all zero, or missing; in a Link likewise
    kParentSpanId,  // neither 8 bytes nor empty
    kDepth,         // more than kMostMessages in one another
    kRepeated,      // a singular message, or the value of an AnyValue, twice (messages would merge)
};

// Messages in one another in the request that a span goes out in, itself included: parsers stop at 100. A level of
// arrays is two of them, one of key-value lists three.
inline constexpr uint32_t kMostMessages = 100;
// Levels of AnyValue that this leaves: those of arrays in an attribute of the span.
inline constexpr uint32_t kMaxDepth = 48;

const char* describe(SpanDefect defect);

}  // namespace spanring::agent
