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
    for (uint32_t i = 0; i < 10'000; ++i) expect_as_validator(gate, recorded_span(i));
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
    for (uint32_t i = 0; i < 2 * SpanGate::kSpansBeforeShapes; ++i) {
        const SpanForm form = form_of(gate, typical_span(i));
        ASSERT_TRUE(form.usual());
        ASSERT_FALSE(form.may_have_wanted);
        ASSERT_EQ(typical_span(i).substr(form.name_at, 20), "GET /api/orders/{id}");
        ASSERT_FALSE(form_of(gate, typical_span(i) + number(6, 3)).usual());
        const SpanForm recorded = form_of(gate, recorded_span(i));
        ASSERT_TRUE(recorded.usual() && recorded.recorded && !form.recorded);
        ASSERT_EQ(recorded_span(i).substr(recorded.name_at, 20), "GET /api/orders/{id}");
    }
    const std::string recorded = recorded_span();
    const size_t tail = recorded.size() - SpanTail::kSize;
    const std::string between = bytes(11, fixed64(1, 3) + bytes(2, "event"));
    EXPECT_TRUE(form_of(gate, recorded.substr(0, tail) + between + recorded.substr(tail)).usual());
    for (const std::string& late :
         {bytes(5, "other"), number(6, 3), fixed64(7, 5), fixed64(8, 5), bytes(15, number(3, 2))})
        EXPECT_FALSE(form_of(gate, recorded.substr(0, tail) + late + recorded.substr(tail)).usual());
    EXPECT_FALSE(form_of(gate, recorded.substr(0, tail)).usual()) << "it goes on";
    EXPECT_FALSE(form_of(gate, recorded + number(10, 3)).usual());
    EXPECT_FALSE(form_of(gate, typical_span() + recorded.substr(tail)).usual()) << "its end comes twice";
    const std::string head = bare_span() + bytes(5, "name") + number(6, 2) + fixed64(7, 1) + fixed64(8, 2);
    const std::string attribute = bytes(9, key_value("key", text_value(std::string(20, 'v'))));
    const std::string event = bytes(11, fixed64(1, 3) + bytes(2, "event"));
    EXPECT_TRUE(form_of(gate, head + attribute + event).usual());
    EXPECT_FALSE(form_of(gate, head + attribute + event).may_have_wanted);
    EXPECT_TRUE(form_of(gate, head + attribute + number(10, 3) + attribute).usual());
    for (const std::string& late :
         {bytes(5, "other"), number(6, 3), fixed64(7, 5), fixed64(8, 5), bytes(15, number(3, 2)), bytes(3, "state"),
          padded_varint(5 << 3 | 2, 2) + padded_varint(1, 1) + "n"})
        EXPECT_FALSE(form_of(gate, head + attribute + late).usual());
    EXPECT_FALSE(form_of(gate, head + attribute + bytes(9, key_value("k", text_value("\xc3\xa4")))).usual());
    std::string refused = typical_span().substr(1);
    EXPECT_FALSE(gate.check(writable(refused)).untouched());
    EXPECT_FALSE(gate.form().usual());
}

// By keys that somebody wants to see, of spans that are walked over and of those that are known by their shape.
TEST(SpanGateTest, SaysWhetherSomebodyWantsToSeeAnAttribute) {
    KeyInterest path, others;
    path.add("url.path");
    others.add("url.host");  // of the same size
    others.add("http.request.methods");
    SpanGate gate;
    const auto says = [&gate](bool wanted) {
        for (uint32_t i = 0; i < 2 * SpanGate::kSpansBeforeShapes; ++i) {
            const SpanForm form = form_of(gate, typical_span(i));
            ASSERT_TRUE(form.usual());
            ASSERT_EQ(form.may_have_wanted, wanted) << i;
        }
    };
    says(false);
    for (const KeyInterest* const keys : {&path, &others, &path}) {
        gate.look_for(keys);
        says(keys == &path);
        const std::string list = bytes(9, key_value("list", bytes(5, bytes(1, text_value("one")))));
        EXPECT_TRUE(form_of(gate, typical_span().substr(0, typical_span().size() - 6) + list).may_have_wanted)
            << "it is not looked into";
    }
    gate.look_for(nullptr);
    says(false);
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
