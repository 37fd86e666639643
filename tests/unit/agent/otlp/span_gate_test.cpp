// SPDX-License-Identifier: Apache-2.0
#include "otlp/span_gate.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support/otlp_bytes.hpp"
#include "support/varied_spans.hpp"

namespace spanring::agent::test {
namespace {

TEST(ShortcutTest, IsTriedWhileItLeadsToTheEnd) {
    Shortcut shortcut(0);
    for (int i = 0; i < 10'000; ++i) {
        ASSERT_TRUE(shortcut.is_tried());
        if (i % 5 == 0)
            ASSERT_FALSE(shortcut.failed());
        else
            shortcut.succeeded();
    }
}

TEST(ShortcutTest, RestsFirstWhenAskedTo) {
    Shortcut shortcut(3);
    EXPECT_TRUE(shortcut.resting());
    EXPECT_FALSE(shortcut.is_tried());
    EXPECT_FALSE(shortcut.is_tried());
    EXPECT_TRUE(shortcut.is_tried());
    EXPECT_FALSE(shortcut.resting());
}

TEST(ShortcutTest, RestsEachTimeForLongerWhenItLeadsNowhere) {
    Shortcut shortcut(0);
    uint32_t expected = Shortcut::kShortestRest;
    for (int round = 0; round < 6; ++round) {
        for (uint32_t i = 0; i < Shortcut::kMostFailures; ++i) ASSERT_FALSE(shortcut.failed());
        ASSERT_TRUE(shortcut.failed());
        uint32_t rest = 1;
        while (!shortcut.is_tried()) ++rest;
        EXPECT_EQ(rest, expected);
        expected = std::min(4 * expected, Shortcut::kLongestRest);
    }
    EXPECT_EQ(expected, Shortcut::kLongestRest);
    // Once it leads somewhere for a while, it is as if it had always done.
    for (uint32_t i = 0; i < Shortcut::kTries; ++i) shortcut.succeeded();
    for (uint32_t i = 0; i < Shortcut::kMostFailures; ++i) ASSERT_FALSE(shortcut.failed());
    ASSERT_TRUE(shortcut.failed());
    uint32_t rest = 1;
    while (!shortcut.is_tried()) ++rest;
    EXPECT_EQ(rest, Shortcut::kShortestRest);
}

// What the validator says of the same span, and what it leaves of it.
void expect_as_validator(SpanGate& gate, const std::string& span) {
    std::string judged = span, checked = span;
    const SpanCheck expected = validate_span(writable(judged));
    const SpanCheck check = gate.check(writable(checked));
    ASSERT_EQ(check.defect, expected.defect);
    ASSERT_EQ(check.repaired, expected.repaired);
    ASSERT_EQ(checked, judged);
}

TEST(SpanGateTest, SaysWhatTheValidatorSaysWhateverComes) {
    const std::string odd[] = {
        typical_span() + bytes(9, key_value("k", text_value("\xff"))),
        typical_span() + bytes(5, "\xc3\xa4pfel"),
        typical_span().substr(1),
        bytes(2, span_id(1)),
        std::string(),
    };
    SpanGate gate;
    VariedSpans varied;
    for (uint32_t i = 0; i < 3'000; ++i) expect_as_validator(gate, varied.next(i % 2));
    for (uint32_t i = 0; i < 3'000; ++i) expect_as_validator(gate, i % 7 == 0 ? odd[i % 5] : typical_span(i));
    for (uint32_t i = 0; i < 10'000; ++i) expect_as_validator(gate, typical_span(i));  // known by its shape
    for (uint32_t i = 0; i < 3'000; ++i) expect_as_validator(gate, odd[i % 5]);
    for (uint32_t i = 0; i < 10'000; ++i) expect_as_validator(gate, varied.next(i % 2));
    for (const std::string& span : odd) expect_as_validator(gate, span);
}

// A shape that is known must not stay believed: ids of zero are refused in the middle of a stream of the same shape.
TEST(SpanGateTest, RefusesWhatHasAKnownShapeAndIsNotSound) {
    SpanGate gate;
    for (uint32_t i = 0; i < 2 * SpanGate::kSpansBeforeShapes; ++i) expect_as_validator(gate, typical_span(i));
    std::string span = typical_span();
    std::fill_n(span.begin() + 2, 16, '\0');
    expect_as_validator(gate, span);
    span = typical_span();
    span[30] = '\xff';
    expect_as_validator(gate, span);
    span = typical_span();
    span[42] = '\xff';
    expect_as_validator(gate, span);
}

}  // namespace
}  // namespace spanring::agent::test
