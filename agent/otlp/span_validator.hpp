// SPDX-License-Identifier: Apache-2.0
//
// Checks a span to the bottom, in a private copy: one malformed span would make a whole request unparsable for its
// receiver, other processes' spans included.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "otlp/span_defect.hpp"

namespace spanring::agent {

struct SpanCheck {
    SpanDefect defect = SpanDefect::kNone;
    uint32_t repaired = 0;  // strings whose invalid UTF-8 was replaced by '?', byte for byte

    bool untouched() const { return defect == SpanDefect::kNone && repaired == 0; }
};

// `span` is the inside of a Span message (without the 0x12 and its length). Strings are repaired in place. Where spans
// come in streams, SpanGate is cheaper and says the same.
SpanCheck validate_span(std::span<uint8_t> span);

// Checks the bodies that come from the segment's header and scopes, by the same rules.
SpanCheck validate_resource(std::span<uint8_t> resource);
SpanCheck validate_scope(std::span<uint8_t> scope);

}  // namespace spanring::agent
