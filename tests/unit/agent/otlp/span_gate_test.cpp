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

SpanForm form_of(SpanGate& gate, std::string span) {
    EXPECT_TRUE(gate.check(writable(span)).untouched());
    return gate.form();
}

// What comes again, or later than libspanring writes it, a processor would miss at the beginning.
TEST(SpanGateTest, SaysInWhichFormASpanIs) {
    SpanGate gate;
    const uint64_t sizes = SpanForm::bit_of(19) | SpanForm::bit_of(8) | SpanForm::bit_of(25);
    for (uint32_t i = 0; i < 2 * SpanGate::kSpansBeforeShapes; ++i) {
        const SpanForm form = form_of(gate, typical_span(i));
        ASSERT_TRUE(form.usual);
        ASSERT_EQ(form.key_sizes, sizes);
        ASSERT_FALSE(form_of(gate, typical_span(i) + number(6, 3)).usual);
    }
    const std::string head = bare_span() + bytes(5, "name") + number(6, 2) + fixed64(7, 1) + fixed64(8, 2);
    const std::string attribute = bytes(9, key_value("key", text_value(std::string(20, 'v'))));
    const std::string event = bytes(11, fixed64(1, 3) + bytes(2, "event"));
    EXPECT_TRUE(form_of(gate, head + attribute + event).usual);
    EXPECT_EQ(form_of(gate, head + attribute + event).key_sizes, SpanForm::bit_of(3));
    EXPECT_TRUE(form_of(gate, head + attribute + number(10, 3) + attribute).usual);
    for (const std::string& late :
         {bytes(5, "other"), number(6, 3), fixed64(7, 5), fixed64(8, 5), bytes(15, number(3, 2)), bytes(3, "state"),
          padded_varint(5 << 3 | 2, 2) + padded_varint(1, 1) + "n"})
        EXPECT_FALSE(form_of(gate, head + attribute + late).usual);
    const std::string list = bytes(9, key_value("list", bytes(5, bytes(1, text_value("one")))));
    EXPECT_EQ(form_of(gate, head + attribute + list).key_sizes, ~uint64_t{0}) << "it is not looked into";
    EXPECT_FALSE(form_of(gate, head + attribute + bytes(9, key_value("k", text_value("\xc3\xa4")))).usual);
    std::string refused = typical_span().substr(1);
    EXPECT_FALSE(gate.check(writable(refused)).untouched());
    EXPECT_FALSE(gate.form().usual);
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
