// SPDX-License-Identifier: Apache-2.0
#include "otlp/span_validator.hpp"

#include <gtest/gtest.h>

#include <random>

#include "otlp.pb.h"
#include "support/otlp_bytes.hpp"

namespace spanring::agent::test {
namespace {

SpanDefect check(std::string span) { return validate_span(writable(span)).defect; }

// A span with one attribute, whose AnyValue is nested `depth` deep.
std::string nested_span(uint32_t depth, bool maps) {
    std::string value = text_value("bottom");
    for (uint32_t i = 1; i < depth; ++i) {
        value = maps ? bytes(6, bytes(1, key_value("k", value))) : bytes(5, bytes(1, value));
    }
    return bare_span() + bytes(9, key_value("deep", value));
}

TEST(SpanValidatorTest, AcceptsWhatIsSound) {
    EXPECT_EQ(check(bare_span()), SpanDefect::kNone);
    EXPECT_EQ(check(typical_span()), SpanDefect::kNone);
    EXPECT_EQ(check(full_span()), SpanDefect::kNone);
    EXPECT_EQ(typical_span().size(), 183u) << "the span that figures are quoted for";
}

TEST(SpanValidatorTest, ChangesNothingInASoundSpan) {
    std::string span = full_span();
    const SpanCheck result = validate_span(writable(span));
    EXPECT_EQ(result.repaired, 0u);
    EXPECT_EQ(span, full_span());
}

TEST(SpanValidatorTest, AcceptsPaddedVarints) {
    const std::string name = "name";
    EXPECT_EQ(check(bare_span() + "\x2a" + padded_varint(name.size(), 5) + name), SpanDefect::kNone);
    EXPECT_EQ(check(bare_span() + "\x2a" + padded_varint(name.size(), 2) + name), SpanDefect::kNone);
    EXPECT_EQ(check(bare_span() + padded_varint(5 << 3 | 2, 5) + varint(name.size()) + name), SpanDefect::kNone);
    EXPECT_EQ(check(bare_span() + "\x30" + padded_varint(2, 10)), SpanDefect::kNone);
}

TEST(SpanValidatorTest, RefusesEveryPrefixThatCutsAField) {
    const std::string whole = full_span();
    std::vector<bool> boundary(whole.size() + 1);
    wire::Cursor cursor(readable(whole));
    wire::Field field;
    while (wire::next(cursor, field)) boundary[static_cast<size_t>(cursor.at - readable(whole).data())] = true;
    for (size_t size = 0; size < whole.size(); ++size) {
        const SpanDefect defect = check(whole.substr(0, size));
        if (boundary[size]) {
            EXPECT_EQ(defect, size < 18   ? SpanDefect::kSpanId
                              : size < 28 ? SpanDefect::kSpanId
                                          : SpanDefect::kNone)
                << size;
        } else {
            EXPECT_EQ(defect, size == 0 ? SpanDefect::kTraceId : SpanDefect::kTruncated) << size;
        }
    }
}

TEST(SpanValidatorTest, RefusesLengthsThatRunPastTheirMessage) {
    EXPECT_EQ(check(bare_span() + "\x2a\x05name"), SpanDefect::kTruncated);
    // The key runs past its KeyValue, though not past the span.
    EXPECT_EQ(check(bare_span() + bytes(9, "\x0a\x09key") + bytes(5, "a long name behind it")), SpanDefect::kTruncated);
    EXPECT_EQ(check(bare_span() + "\x2a\xff\xff\xff\xff\x07"), SpanDefect::kTruncated);
    EXPECT_EQ(check(bare_span() + "\x39\x01\x02"), SpanDefect::kTruncated);
    EXPECT_EQ(check(bare_span() + "\x85\x01\x02"), SpanDefect::kTruncated);
}

TEST(SpanValidatorTest, RefusesLongVarints) {
    EXPECT_EQ(check(bare_span() + "\x30" + std::string(10, '\x80') + "\x01"), SpanDefect::kVarint);
    EXPECT_EQ(check(bare_span() + "\x30" + std::string(9, '\xff') + "\x02"), SpanDefect::kVarint) << "65 bits";
    EXPECT_EQ(check(bare_span() + "\x30" + std::string(9, '\xff') + "\x01"), SpanDefect::kNone) << "64 bits";
    EXPECT_EQ(check(bare_span() + "\x2a" + padded_varint(0, 6)), SpanDefect::kVarint) << "length";
    EXPECT_EQ(check(bare_span() + padded_varint(6 << 3, 6) + "\x01"), SpanDefect::kVarint) << "tag";
}

TEST(SpanValidatorTest, RefusesWrongWireTypesAndGroups) {
    EXPECT_EQ(check(bare_span() + fixed64(5, 1)), SpanDefect::kWireType);
    EXPECT_EQ(check(bare_span() + number(7, 1)), SpanDefect::kWireType);
    EXPECT_EQ(check(bare_span() + bytes(6, "x")), SpanDefect::kWireType);
    EXPECT_EQ(check(bare_span() + bytes(16, "abcd")), SpanDefect::kWireType);
    EXPECT_EQ(check(bare_span() + std::string("\x0b\x0c", 2)), SpanDefect::kWireType) << "group";
    EXPECT_EQ(check(bare_span() + varint(99 << 3 | 3)), SpanDefect::kWireType) << "unknown group";
    EXPECT_EQ(check(bare_span() + "\x07"), SpanDefect::kWireType) << "a control record";
    EXPECT_EQ(check(bare_span() + bytes(9, number(1, 5))), SpanDefect::kWireType);
    EXPECT_EQ(check(bare_span() + bytes(9, key_value("k", fixed32(4, 1)))), SpanDefect::kWireType);
}

TEST(SpanValidatorTest, RefusesUnknownFieldsOfEveryMessage) {
    EXPECT_EQ(check(bare_span() + number(17, 1)), SpanDefect::kUnknownField);
    EXPECT_EQ(check(bare_span() + number(0, 1)), SpanDefect::kUnknownField);
    EXPECT_EQ(check(bare_span() + number(1 << 20, 1)), SpanDefect::kUnknownField);
    EXPECT_EQ(check(bare_span() + bytes(11, number(5, 1))), SpanDefect::kUnknownField);
    EXPECT_EQ(check(bare_span() + bytes(13, number(7, 1))), SpanDefect::kUnknownField);
    EXPECT_EQ(check(bare_span() + bytes(15, number(1, 1))), SpanDefect::kUnknownField) << "reserved";
    EXPECT_EQ(check(bare_span() + bytes(9, number(3, 1))), SpanDefect::kUnknownField);
    EXPECT_EQ(check(bare_span() + bytes(9, key_value("k", number(8, 1)))), SpanDefect::kUnknownField);
    EXPECT_EQ(check(bare_span() + bytes(9, key_value("k", bytes(5, number(2, 1))))), SpanDefect::kUnknownField);
}

TEST(SpanValidatorTest, RefusesBadIds) {
    const std::string trace = bytes(1, trace_id(1)), span = bytes(2, span_id(1));
    EXPECT_EQ(check(""), SpanDefect::kTraceId);
    EXPECT_EQ(check(span), SpanDefect::kTraceId);
    EXPECT_EQ(check(trace), SpanDefect::kSpanId);
    EXPECT_EQ(check(bytes(1, std::string(15, 'x')) + span), SpanDefect::kTraceId);
    EXPECT_EQ(check(bytes(1, std::string(17, 'x')) + span), SpanDefect::kTraceId);
    EXPECT_EQ(check(bytes(1, std::string(16, '\0')) + span), SpanDefect::kTraceId);
    EXPECT_EQ(check(bytes(1, std::string(15, '\0') + "x") + span), SpanDefect::kNone);
    EXPECT_EQ(check(trace + bytes(2, std::string(7, 'x'))), SpanDefect::kSpanId);
    EXPECT_EQ(check(trace + bytes(2, std::string(8, '\0'))), SpanDefect::kSpanId);
    EXPECT_EQ(check(trace + span + bytes(4, std::string(7, 'x'))), SpanDefect::kParentSpanId);
    EXPECT_EQ(check(trace + span + bytes(4, std::string(16, 'x'))), SpanDefect::kParentSpanId);
    EXPECT_EQ(check(trace + span + bytes(4, "")), SpanDefect::kNone);
    EXPECT_EQ(check(trace + span + bytes(1, "short")), SpanDefect::kTraceId) << "the last one counts";
}

TEST(SpanValidatorTest, ChecksOnlyTheSizesOfIdsInLinks) {
    const auto link = [](const std::string& inside) { return check(bare_span() + bytes(13, inside)); };
    EXPECT_EQ(link(""), SpanDefect::kNone);
    EXPECT_EQ(link(bytes(1, std::string(16, '\0')) + bytes(2, std::string(8, '\0'))), SpanDefect::kNone);
    EXPECT_EQ(link(bytes(1, std::string(15, 'x'))), SpanDefect::kTraceId);
    EXPECT_EQ(link(bytes(2, std::string(9, 'x'))), SpanDefect::kSpanId);
}

TEST(SpanValidatorTest, RefusesWhatWouldMerge) {
    EXPECT_EQ(check(bare_span() + bytes(15, number(3, 1)) + bytes(15, number(3, 2))), SpanDefect::kRepeated);
    EXPECT_EQ(check(bare_span() + bytes(9, key_value("k", text_value("a")) + bytes(2, text_value("b")))),
              SpanDefect::kRepeated);
    const std::string array = bytes(5, bytes(1, text_value("a")));
    EXPECT_EQ(check(bare_span() + bytes(9, key_value("k", array + array))), SpanDefect::kRepeated);
    EXPECT_EQ(check(bare_span() + bytes(9, key_value("k", number(3, 1) + text_value("a")))), SpanDefect::kRepeated);
}

TEST(SpanValidatorTest, BoundsTheDepthOfValues) {
    for (const bool maps : {false, true}) {
        const uint32_t deepest = maps ? 32 : kMaxDepth;
        EXPECT_EQ(check(nested_span(deepest, maps)), SpanDefect::kNone);
        EXPECT_EQ(check(nested_span(deepest + 1, maps)), SpanDefect::kDepth);
        EXPECT_EQ(check(nested_span(2000, maps)), SpanDefect::kDepth);
    }
}

TEST(SpanValidatorTest, WhatIsDeepestIsStillParsedInAWholeRequest) {
    // In an event, where it lies deepest.
    for (const bool maps : {false, true}) {
        const auto span_of = [&](uint32_t levels) {
            std::string value = text_value("bottom");
            for (uint32_t i = 1; i < levels; ++i)
                value = maps ? bytes(6, bytes(1, key_value("k", value))) : bytes(5, bytes(1, value));
            return bare_span() + bytes(11, bytes(3, key_value("deep", value)));
        };
        const uint32_t deepest = maps ? 32 : 47;
        ASSERT_EQ(check(span_of(deepest)), SpanDefect::kNone);
        EXPECT_EQ(check(span_of(deepest + 1)), SpanDefect::kDepth);
        otlp::Request request;
        EXPECT_TRUE(request.ParseFromString(bytes(1, bytes(2, bytes(2, span_of(deepest))))));
    }
}

TEST(SpanValidatorTest, RepairsUtf8InPlaceByteForByte) {
    struct Case {
        std::string text, repaired;
    };
    const Case cases[] = {
        {"\xff", "?"},
        {"a\x80z", "a?z"},
        {"\xc0\xaf", "??"},            // overlong
        {"\xe0\x80\x80", "???"},       // overlong
        {"\xf0\x80\x80\x80", "????"},  // overlong
        {"\xed\xa0\x80", "???"},       // surrogate
        {"\xf4\x90\x80\x80", "????"},  // above U+10FFFF
        {"\xf5\x80\x80\x80", "????"},
        {"\xe2\x82", "??"},  // cut short
        {"\xe2\x82z", "??z"},
        {"\xf0\x9f\x98\x80\xf0\x9f", "\xf0\x9f\x98\x80??"},
        {"a long text, longer than a word \xc3\x28 and on", "a long text, longer than a word ?( and on"},
    };
    for (const Case& c : cases) {
        std::string span = bare_span() + bytes(5, c.text) + fixed64(7, 1);
        const SpanCheck result = validate_span(writable(span));
        EXPECT_EQ(result.defect, SpanDefect::kNone);
        EXPECT_EQ(result.repaired, 1u);
        EXPECT_EQ(span, bare_span() + bytes(5, c.repaired) + fixed64(7, 1));
        otlp::Span parsed;
        EXPECT_TRUE(parsed.ParseFromString(span));
    }
}

TEST(SpanValidatorTest, RepairsEveryStringAndLeavesBytesAlone) {
    const std::string bad = "\xff";
    std::string span = bare_span() + bytes(3, bad) + bytes(5, bad) + bytes(9, key_value(bad, text_value(bad))) +
                       bytes(9, key_value("array", bytes(5, bytes(1, text_value(bad))))) +
                       bytes(9, key_value("blob", bytes(7, bad))) + bytes(11, bytes(2, bad)) +
                       bytes(13, bytes(3, bad)) + bytes(15, bytes(2, bad));
    EXPECT_EQ(validate_span(writable(span)).repaired, 8u);
    otlp::Span parsed;
    ASSERT_TRUE(parsed.ParseFromString(span));
    EXPECT_EQ(parsed.attributes(2).value().bytes_value(), bad);
    EXPECT_EQ(parsed.status().message(), "?");
}

TEST(SpanValidatorTest, ChecksResourcesAndScopes) {
    std::string resource = bytes(1, key_value("service.name", text_value("shop\xff"))) + number(2, 1);
    EXPECT_EQ(validate_resource(writable(resource)).defect, SpanDefect::kNone);
    EXPECT_EQ(resource, bytes(1, key_value("service.name", text_value("shop?"))) + number(2, 1));
    std::string entity = bytes(3, "");
    EXPECT_EQ(validate_resource(writable(entity)).defect, SpanDefect::kUnknownField);
    std::string scope = bytes(1, "lib") + bytes(2, "1.0") + bytes(3, key_value("k", number(3, 1))) + number(4, 1);
    EXPECT_EQ(validate_scope(writable(scope)).defect, SpanDefect::kNone);
    std::string wrong = number(1, 1);
    EXPECT_EQ(validate_scope(writable(wrong)).defect, SpanDefect::kWireType);
    std::string empty;
    EXPECT_EQ(validate_scope(writable(empty)).defect, SpanDefect::kNone);
}

TEST(SpanValidatorTest, DescribesEveryDefect) {
    for (int i = 0; i <= static_cast<int>(SpanDefect::kRepeated); ++i) {
        EXPECT_STRNE(describe(static_cast<SpanDefect>(i)), "an unknown defect");
    }
}

// What the validator lets pass, protobuf's parser takes, alone and between two sound spans.
TEST(SpanValidatorTest, ProtobufAcceptsEveryMutationThatItAccepts) {
    std::mt19937_64 random(20260101);
    const std::string seeds[] = {bare_span(), typical_span(), full_span(), nested_span(32, true),
                                 nested_span(8, false)};
    uint64_t accepted = 0, refused = 0;
    for (int round = 0; round < 60'000; ++round) {
        std::string span = seeds[random() % std::size(seeds)];
        for (uint64_t changes = 1 + random() % 3; changes != 0; --changes) {
            const size_t at = random() % span.size();
            switch (random() % 5) {
                case 0: span[at] = static_cast<char>(random()); break;
                case 1: span[at] = static_cast<char>(span[at] ^ 1 << random() % 8); break;
                case 2: span.insert(at, 1, static_cast<char>(random())); break;
                case 3: span.erase(at, 1 + random() % 4); break;
                default: span += span.substr(at, random() % 32); break;
            }
            if (span.empty()) span = "\x08";
        }
        if (validate_span(writable(span)).defect != SpanDefect::kNone) {
            ++refused;
            continue;
        }
        ++accepted;
        otlp::Span parsed;
        ASSERT_TRUE(parsed.ParseFromString(span)) << "round " << round;
        EXPECT_EQ(parsed.trace_id().size(), 16u);
        otlp::ScopeSpans merged;
        ASSERT_TRUE(merged.ParseFromString(bytes(2, typical_span()) + bytes(2, span) + bytes(2, typical_span())));
        EXPECT_EQ(merged.spans_size(), 3);
        EXPECT_EQ(validate_span(writable(span)).repaired, 0u) << "repaired at once, or never";
    }
    EXPECT_GT(accepted, 5'000u);
    EXPECT_GT(refused, 5'000u);
}

}  // namespace
}  // namespace spanring::agent::test
