// SPDX-License-Identifier: Apache-2.0
//
// Checks the spans of one process, as validate_span() would, the cheapest way first: one that looks like an earlier one
// is compared with it (span_shapes.hpp), a plain one is walked without a look at its text (plain_span.hpp), any other
// goes to the validator. A way that the spans of this process hardly ever go is not tried (shortcut.hpp). One thread.
#pragma once

#include <cstdint>
#include <span>

#include "otlp/plain_span.hpp"
#include "otlp/shortcut.hpp"
#include "otlp/span_form.hpp"
#include "otlp/span_shapes.hpp"
#include "otlp/span_validator.hpp"

namespace spanring::agent {

class SpanGate {
public:
    // A shape costs as much as the walks over some dozens of spans: a process of a few spans gets none.
    static constexpr uint32_t kSpansBeforeShapes = 256;

    // Attributes that are of interest to who asks for the form. They outlive this, or the next call. Null: none.
    // What was known of shapes was seen with other eyes, and is forgotten.
    void look_for(const KeyInterest* keys);

    SpanCheck check(std::span<uint8_t> span) {
        if (known_.is_tried()) {
            if (const SpanForm* const form = shapes_.match(span); form != nullptr) [[likely]] {
                known_.succeeded();
                form_ = *form;
                return {};
            }
            if (known_.failed()) shapes_ = SpanShapes();  // gives their memory back
        }
        return check_stranger(span);
    }

    // Of the span that was checked last, where that was sound.
    const SpanForm& form() const { return form_; }

private:
    static const KeyInterest& no_keys();
    SpanCheck check_stranger(std::span<uint8_t> span);

    Shortcut known_{kSpansBeforeShapes};
    Shortcut plain_{0};
    SpanShapes shapes_;
    SpanForm form_;
    const KeyInterest* keys_ = &no_keys();
};

}  // namespace spanring::agent
