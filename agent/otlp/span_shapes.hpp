// SPDX-License-Identifier: Apache-2.0
//
// Spans that come from the same place in a program have the same fields with the same sizes, and differ in ids, times
// and values. A shape is such a span, once validated, with a mask of what the validator looks at: tags, lengths and
// what else it understands must be the same, the top bit of each byte of a string must be 0 (ASCII), that of each byte
// of a varint the same (as long as before), and ids, fixed words and byte values are free. Ids that must not be zero
// are looked at apart. What agrees with a shape would take the same way through the validator, to the same end: sound,
// nothing to repair. Everything that no rule loosens must be the same, so that what this file does not know can only be
// refused.
//
// One thread. Bounded: kShapes of at most kLargest bytes, two bytes for each; a new one takes the place of an old one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "otlp/span_form.hpp"

namespace spanring::agent {

class SpanShapes {
public:
    static constexpr size_t kShapes = 32;
    static constexpr size_t kLargest = 1024;

    // Its form: validate_span() would find `span` sound and change nothing. Null says nothing.
    const SpanForm* match(std::span<const uint8_t> span) {
        Set& set = sets_[span.size() % kSets];
        for (const std::unique_ptr<Shape>& shape : set.shapes) {
            if (shape != nullptr && shape->size == span.size() && agrees(*shape, span.data())) {
                credit_ += credit_ < kMostCredit;
                return &shape->form;
            }
        }
        return nullptr;
    }

    // `span` did not match, and validate_span() would find it sound and change nothing. After the first kShapes only so
    // many are remembered as matches pay for: that costs much more than to validate one.
    void learn(std::span<const uint8_t> span, const SpanForm& form = {}) {
        if (credit_ >= kPrice) remember(span, form);
    }

private:
    static constexpr size_t kWays = 2;
    static constexpr size_t kSets = kShapes / kWays;
    static constexpr uint32_t kPrice = 512;  // matches for a shape
    static constexpr uint32_t kMostCredit = kPrice * kShapes;

    typedef uint64_t Block __attribute__((vector_size(16)));
    struct Shape {
        struct Part {
            Block bytes;
            Block mask;
        };
        uint32_t size = 0;
        uint32_t trace_id = 0;  // where it lies
        uint32_t span_id = 0;
        SpanForm form;                  // that of all
        std::unique_ptr<Part[]> parts;  // the last one ends where the span ends, and may overlap the one before
    };
    struct Set {
        std::array<std::unique_ptr<Shape>, kWays> shapes;
        uint32_t next = 0;  // to be replaced
    };

    static bool agrees(const Shape& shape, const uint8_t* span);
    void remember(std::span<const uint8_t> span, const SpanForm& form);

    std::array<Set, kSets> sets_;
    uint32_t credit_ = kMostCredit;
};

}  // namespace spanring::agent
