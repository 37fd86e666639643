// SPDX-License-Identifier: Apache-2.0
//
// A plain span is sound, and all of its text is ASCII: what nearly every span is, and told without a look at the text.
// All bytes that are not ASCII are counted at once, by vectors. One walk over the fields counts those that may not be:
// in ids, fixed words, bytes, and in tags, lengths and values of more than a byte. Every byte is text or one of these,
// so that where both counts are the same, no text has any.
#pragma once

#include <cstdint>
#include <span>

#include "otlp/high_bytes.hpp"
#include "otlp/key_interest.hpp"
#include "otlp/span_form.hpp"

namespace spanring::agent {

// True: validate_span() would find `span` sound and change nothing. False says nothing. `ret_form`, of one that is
// plain, may be null; it says of attributes whether one of `keys` may be there.
bool is_plain_span(std::span<const uint8_t> span, CountHighBytes count = fastest_count_of_high_bytes(),
                   SpanForm* ret_form = nullptr, const KeyInterest& keys = {});

}  // namespace spanring::agent
