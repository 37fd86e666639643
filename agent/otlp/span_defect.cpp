// SPDX-License-Identifier: Apache-2.0
#include "otlp/span_defect.hpp"

namespace spanring::agent {

const char* describe(SpanDefect defect) {
    switch (defect) {
        case SpanDefect::kNone: return "sound";
        case SpanDefect::kTruncated: return "a length runs past the end";
        case SpanDefect::kVarint: return "a varint is too long";
        case SpanDefect::kWireType: return "a field has the wrong wire type";
        case SpanDefect::kUnknownField: return "an unknown field";
        case SpanDefect::kTraceId: return "the trace id is missing, zero, or not 16 bytes";
        case SpanDefect::kSpanId: return "the span id is missing, zero, or not 8 bytes";
        case SpanDefect::kParentSpanId: return "the parent span id is not 8 bytes";
        case SpanDefect::kDepth: return "a value is nested too deep";
        case SpanDefect::kRepeated: return "a singular message occurs twice";
    }
    return "an unknown defect";
}

}  // namespace spanring::agent
