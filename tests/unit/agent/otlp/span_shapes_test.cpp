// SPDX-License-Identifier: Apache-2.0
#include "otlp/span_shapes.hpp"

#include <gtest/gtest.h>

#include "otlp/span_validator.hpp"
#include "support/otlp_bytes.hpp"

namespace spanring::agent::test {
namespace {

bool untouched(std::string span) {
    const SpanCheck check = validate_span(writable(span));
    return check.defect == SpanDefect::kNone && check.repaired == 0;
}

SpanShapes knowing(const std::string& span) {
    SpanShapes shapes;
    shapes.learn(readable(span));
    return shapes;
}

std::string long_span() {
    std::string span = typical_span();
    for (int i = 0; i < 20; ++i) {
        span += bytes(9, key_value("key." + std::to_string(i), text_value(std::string(20, 'v'))));
        span += bytes(9, key_value("n", number(3, uint64_t{1} << (3 * i))));
        span += bytes(9, key_value("d", fixed64(4, 0x4045000000000000)));
        span += bytes(9, key_value("b", bytes(7, "\xff\xfe")));
    }
    return span;
}

TEST(SpanShapesTest, KnowsWhatItLearnedAndWhatDiffersInIdsTimesAndValues) {
    SpanShapes shapes = knowing(typical_span(1));
    EXPECT_TRUE(shapes.match(readable(typical_span(1))));
    EXPECT_TRUE(shapes.match(readable(typical_span(2))));
    EXPECT_FALSE(shapes.match(readable(typical_span(2) + number(6, 2)))) << "of another size";
    EXPECT_FALSE(SpanShapes().match(readable(typical_span(1))));
}

// The proof by exhaustion: every byte of several spans takes every value, and whatever still matches the validator
// accepts and leaves alone.
TEST(SpanShapesTest, NeverMatchWhatTheValidatorWouldRefuseOrRepair) {
    const std::string texts =
        bare_span() + bytes(5, "name") + bytes(9, key_value("k", text_value("a value, longer than 8")));
    for (const std::string& span : {bare_span(), typical_span(), full_span(), long_span(), texts,
                                    bare_span() + "\x30" + padded_varint(2, 10), bare_span() + number(6, ~uint64_t{0}),
                                    bare_span() + padded_varint(5 << 3 | 2, 5) + padded_varint(4, 5) + "name"}) {
        ASSERT_TRUE(untouched(span));
        SpanShapes shapes = knowing(span);
        size_t matches = 0;
        for (size_t at = 0; at < span.size(); ++at) {
            for (int value = 0; value < 256; ++value) {
                std::string other = span;
                other[at] = static_cast<char>(value);
                if (!shapes.match(readable(other))) continue;
                ++matches;
                ASSERT_TRUE(untouched(other)) << "byte " << at << " of " << span.size() << " is " << value;
            }
        }
        if (span.size() <= SpanShapes::kLargest && span != full_span()) {
            EXPECT_GT(matches, 24u * 256) << "its ids alone are free";
        }
    }
}

TEST(SpanShapesTest, RefuseIdsOfZero) {
    SpanShapes shapes = knowing(typical_span(1));
    std::string span = typical_span(1);
    std::fill_n(span.begin() + 2, 16, '\0');
    EXPECT_FALSE(shapes.match(readable(span)));
    span = typical_span(1);
    std::fill_n(span.begin() + 20, 8, '\0');
    EXPECT_FALSE(shapes.match(readable(span)));
}

TEST(SpanShapesTest, DoNotLearnIdsThatOccurTwice) {
    const std::string twice = bare_span() + bytes(2, span_id(7));
    ASSERT_TRUE(untouched(twice));
    SpanShapes shapes = knowing(twice);
    EXPECT_FALSE(shapes.match(readable(twice)));
}

TEST(SpanShapesTest, DoNotLearnWhatIsNoAsciiOrTooLarge) {
    const std::string umlaut = bare_span() + bytes(5, "\xc3\xa4pfel");
    ASSERT_TRUE(untouched(umlaut));
    EXPECT_FALSE(knowing(umlaut).match(readable(umlaut)));
    const std::string large = bare_span() + bytes(5, std::string(SpanShapes::kLargest, 'x'));
    EXPECT_FALSE(knowing(large).match(readable(large)));
}

TEST(SpanShapesTest, RememberAsManyAsMatchesPayForAfterTheFirst) {
    SpanShapes shapes;
    const auto of_size = [](size_t size) { return bare_span() + bytes(5, std::string(size, 'x')); };
    for (size_t i = 0; i < 2 * SpanShapes::kShapes; ++i) shapes.learn(readable(of_size(1 + i)));
    size_t known = 0;
    for (size_t i = 0; i < 2 * SpanShapes::kShapes; ++i) known += shapes.match(readable(of_size(1 + i))) ? 1 : 0;
    EXPECT_EQ(known, SpanShapes::kShapes);
    const std::string late = of_size(500);
    shapes.learn(readable(late));
    EXPECT_FALSE(shapes.match(readable(late)));
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(shapes.match(readable(of_size(1))));
    shapes.learn(readable(late));
    EXPECT_TRUE(shapes.match(readable(late)));
}

}  // namespace
}  // namespace spanring::agent::test
