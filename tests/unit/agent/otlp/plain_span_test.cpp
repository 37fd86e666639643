// SPDX-License-Identifier: Apache-2.0
#include "otlp/plain_span.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "otlp/span_validator.hpp"
#include "support/guarded_bytes.hpp"
#include "support/otlp_bytes.hpp"
#include "support/varied_spans.hpp"

namespace spanring::agent::test {
namespace {

bool is_plain(const std::string& span) { return is_plain_span(readable(span)); }

std::string with_attribute(const std::string& pair) { return typical_span() + bytes(9, pair); }

// Every field of every message, without the text that is not ASCII.
std::string full_ascii_span() {
    std::string span = full_span();
    for (char& byte : span) {
        if (&byte - span.data() > 183 && static_cast<uint8_t>(byte) >= 0x80) byte = 'x';
    }
    return span;
}

std::vector<std::string> sound_spans() {
    std::vector<std::string> spans{
        bare_span(),
        typical_span(),
        with_attribute(key_value("db.query.text", text_value(std::string(2000, 'q')))),
        with_attribute(key_value("k", text_value(std::string(127, 'v')))),
        with_attribute(key_value("k", text_value(std::string(128, 'v')))),
        with_attribute(key_value("k", text_value(""))),
        with_attribute(key_value("", "")),
        with_attribute(key_value(std::string(200, 'k'), number(2, 1))),
        with_attribute(key_value("array", bytes(5, bytes(1, text_value("a")) + bytes(1, number(3, 300))))),
        with_attribute(key_value("blob", bytes(7, "\xff\xfe and so on"))),
        typical_span() +
            bytes(11, fixed64(1, ~uint64_t{0}) + bytes(2, "event") + bytes(3, key_value("k", number(3, 7)))),
        typical_span() +
            bytes(13, bytes(1, std::string(16, '\xff')) + bytes(2, std::string(8, '\xff')) + fixed32(6, ~0u)),
        typical_span() + bytes(15, bytes(2, "it broke") + number(3, 2)) + number(10, 300),
        bytes(5, "name first") + bare_span(),
        bare_span() + padded_varint(5 << 3 | 2, 5) + padded_varint(4, 5) + "name",
        bare_span() + bytes(5, std::string(300, 'n')) + fixed64(7, 1) + fixed64(8, 2),
    };
    for (uint32_t bits = 0; bits < 64; bits += 9)
        spans.push_back(with_attribute(key_value("n", number(3, uint64_t{1} << bits))));
    VariedSpans varied;
    for (uint32_t i = 0; i < 10; ++i) spans.push_back(varied.next(i));
    return spans;
}

bool untouched(std::string span) { return validate_span(writable(span)).untouched(); }

TEST(PlainSpanTest, IsASoundSpanOfAscii) {
    for (const std::string& span : sound_spans()) {
        EXPECT_TRUE(untouched(span));
        EXPECT_TRUE(is_plain(span)) << testing::PrintToString(span);
    }
}

TEST(PlainSpanTest, IsNotOneWithOtherText) {
    const std::string text = "na\xc3\xafve";
    for (const std::string& span : {
             full_span(),
             bare_span() + bytes(5, text),
             typical_span() + bytes(5, text),
             typical_span() + bytes(3, text),
             with_attribute(key_value(text, number(3, 1))),
             with_attribute(key_value("k", text_value(text))),
             with_attribute(key_value("k", text_value(text + std::string(200, 'v')))),
             with_attribute(key_value("k", bytes(5, bytes(1, text_value(text))))),
             typical_span() + bytes(11, bytes(2, text)),
             typical_span() + bytes(15, bytes(2, text)),
         }) {
        EXPECT_TRUE(untouched(span));
        EXPECT_FALSE(is_plain(span)) << testing::PrintToString(span);
    }
}

TEST(PlainSpanTest, IsNotOneWithoutIds) {
    std::string span = typical_span(1);
    std::fill_n(span.begin() + 2, 16, '\0');
    EXPECT_FALSE(is_plain(span));
    span = typical_span(1);
    std::fill_n(span.begin() + 20, 8, '\0');
    EXPECT_FALSE(is_plain(span));
    EXPECT_FALSE(is_plain(bytes(5, std::string(100, 'n'))));
    EXPECT_FALSE(is_plain(""));
}

// The proof by exhaustion: every byte of several spans takes every value, and whatever is still plain the validator
// accepts and leaves alone. All sets of instructions say the same.
TEST(PlainSpanTest, IsNeverWhatTheValidatorWouldRefuseOrRepair) {
    std::vector<CountHighBytes> counts;
    for (const auto set :
         {InstructionSet::kPortable, InstructionSet::kSse2, InstructionSet::kAvx2, InstructionSet::kNeon}) {
        if (const CountHighBytes count = count_high_bytes_with(set)) counts.push_back(count);
    }
    for (const std::string& span : sound_spans()) {
        if (span.size() > 700) continue;
        for (size_t at = 0; at < span.size(); ++at) {
            std::string other = span;
            for (int value = 0; value<256; value += span.size()> 200 ? 51 : 1) {
                other[at] = static_cast<char>(value);
                const bool plain = is_plain_span(readable(other), counts[0]);
                for (const CountHighBytes count : counts) ASSERT_EQ(is_plain_span(readable(other), count), plain);
                if (plain) {
                    ASSERT_TRUE(untouched(other)) << "byte " << at << " of " << span.size() << " is " << value;
                }
            }
        }
    }
}

// Every prefix, at the end and at the begin of what is mapped: so at every alignment, with every field cut everywhere.
TEST(PlainSpanTest, IsToldWithoutAByteBeyondEitherEnd) {
    spanring::test::GuardedBytes guarded(4096);
    std::vector<std::string> spans = sound_spans();
    spans.push_back(full_ascii_span());
    spans.push_back(full_span());
    // Lengths of two bytes of which only one is there, in an attribute that ends where the span does.
    spans.push_back(with_attribute("\x0a\x01k\x12\x02\x0a\x80"));
    spans.push_back(with_attribute("\x0a\x01k\x12\x03\x0a\x80\x80"));
    spans.push_back(with_attribute(std::string("\x0a\x01k\x12\x81\x00\x0a", 7)));
    for (const std::string& span : spans) {
        for (size_t size = span.size() > 700 ? span.size() - 200 : 0; size <= span.size(); ++size) {
            const std::string prefix = span.substr(0, size);
            const bool sound = untouched(prefix);
            const bool plain = is_plain_span(guarded.at_end(prefix));
            EXPECT_EQ(is_plain_span(guarded.at_begin(prefix)), plain);
            if (plain) {
                EXPECT_TRUE(sound);
            }
            EXPECT_EQ(validate_span(guarded.at_end(prefix)).untouched(), sound);
        }
    }
}

}  // namespace
}  // namespace spanring::agent::test
