// SPDX-License-Identifier: Apache-2.0
#include "processors/span_edit.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "chain_kit.hpp"
#include "otlp/span_gate.hpp"
#include "processors/span_glance.hpp"
#include "support/guarded_bytes.hpp"
#include "support/otlp_bytes.hpp"

namespace spanring::agent::test {
namespace {

// Fields as libspanring writes them, others, and such as come twice.
std::vector<std::string> pieces(std::minstd_rand& random) {
    std::vector<std::string> usual = {bytes(1, trace_id(3)),
                                      bytes(2, span_id(4)),
                                      bytes(4, span_id(5)),
                                      bytes(5, "GET /users"),
                                      number(6, 2),
                                      fixed64(7, 1000),
                                      fixed64(8, 2000),
                                      bytes(9, key_value("one", text_value("1"))),
                                      bytes(9, key_value("other", number(3, 7))),
                                      fixed32(16, 0x101)};
    const std::vector<std::string> others = {bytes(5, "second"),
                                             bytes(5, std::string(200, 'n')),
                                             bytes(5, ""),
                                             number(6, 300),
                                             fixed64(7, 3000),
                                             bytes(3, "a=1"),
                                             bytes(9, bytes(2, text_value("first its value")) + bytes(1, "one")),
                                             bytes(9, key_value("long", text_value(std::string(300, 'v')))),
                                             bytes(15, number(3, 2)),
                                             number(10, 9),
                                             fixed64(8, 1)};
    for (const std::string& other : others) {
        if (random() % 4 == 0) usual.push_back(other);
    }
    if (random() % 4 == 0) usual.erase(usual.begin() + static_cast<std::ptrdiff_t>(random() % usual.size()));
    if (random() % 3 != 0) {  // some out of their order
        for (int i = 0; i < 2; ++i) std::swap(usual[random() % usual.size()], usual[random() % usual.size()]);
    }
    return usual;
}

void expect_as_protobuf(const std::string& span, const KeyInterest& keys) {
    otlp::Span expected;
    ASSERT_TRUE(expected.ParseFromString(span));
    Scratch scratch;
    SpanEdit edit(scratch);
    SpanInterest interest;
    interest.attributes = keys;
    spanring::test::GuardedBytes guarded(4096);  // a read past its end ends the test
    ASSERT_TRUE(edit.read(guarded.at_end(span), interest));
    EXPECT_EQ(edit.name(), expected.name());
    EXPECT_EQ(edit.kind(), static_cast<uint32_t>(expected.kind()));
    EXPECT_EQ(edit.start_unix_nano(), expected.start_time_unix_nano());
    EXPECT_EQ(edit.end_unix_nano(), expected.end_time_unix_nano());
    EXPECT_EQ(edit.attribute_count(), static_cast<uint32_t>(expected.attributes_size()));
    EXPECT_EQ(edit.trace_state(), expected.trace_state());
    EXPECT_EQ(edit.status(), static_cast<uint32_t>(expected.status().code()));
    const bool has_one = std::any_of(expected.attributes().begin(), expected.attributes().end(),
                                     [](const otlp::KeyValue& attribute) { return attribute.key() == "one"; });
    if (!keys.none()) {
        EXPECT_EQ(edit.find("one") != nullptr, has_one);
    }
    if (!expected.name().empty()) {
        edit.rename("new");
        std::string written(edit.size(), '\0');
        edit.write(reinterpret_cast<uint8_t*>(written.data()));
        otlp::Span changed;
        ASSERT_TRUE(changed.ParseFromString(written));
        EXPECT_EQ(changed.name(), "new");
        expected.set_name("new");
        EXPECT_EQ(changed.SerializeAsString(), expected.SerializeAsString());
    }
}

void expect_as_protobuf(const SpanGlance& glance, const otlp::Span& expected, const KeyInterest& keys) {
    EXPECT_EQ(glance.name(), expected.name());
    EXPECT_EQ(glance.kind(), static_cast<uint32_t>(expected.kind()));
    EXPECT_EQ(glance.status(), static_cast<uint32_t>(expected.status().code()));
    EXPECT_EQ(glance.start_unix_nano(), expected.start_time_unix_nano());
    EXPECT_EQ(glance.end_unix_nano(), expected.end_time_unix_nano());
    const bool has_one = std::any_of(expected.attributes().begin(), expected.attributes().end(),
                                     [](const otlp::KeyValue& attribute) { return attribute.key() == "one"; });
    if (!keys.none() && !glance.may_have_wanted()) {
        EXPECT_FALSE(has_one);
    }
}

// Whether it is a span that says what it says at a glance. Where its check saw its form, by that as well.
bool is_read_at_a_glance(const std::string& span, const KeyInterest& keys) {
    otlp::Span expected;
    EXPECT_TRUE(expected.ParseFromString(span));
    spanring::test::GuardedBytes guarded(4096);
    SpanGlance glance;
    SpanGate gate;
    gate.look_for(&keys);
    if (std::string checked = span; gate.check(writable(checked)).untouched() && gate.form().usual()) {
        EXPECT_TRUE(glance.read(guarded.at_end(span), keys, gate.form()));
        expect_as_protobuf(glance, expected, keys);
    }
    if (!glance.read(guarded.at_end(span), keys, {})) return false;
    expect_as_protobuf(glance, expected, keys);
    return true;
}

// In whatever order, and however often, fields come.
TEST(SpanEditTest, ReadsWhatProtobufReads) {
    std::minstd_rand random(5);
    KeyInterest one;
    one.add("one");
    for (int round = 0; round < 3000 && !::testing::Test::HasFailure(); ++round) {
        std::string span;
        for (const std::string& piece : pieces(random)) span += piece;
        expect_as_protobuf(span, {});
        expect_as_protobuf(span, one);
    }
    for (const std::string& span : {typical_span(), full_span(), bare_span(), std::string()}) {
        expect_as_protobuf(span, {});
        expect_as_protobuf(span, one);
    }
}

TEST(SpanGlanceTest, SaysNothingElseThanProtobuf) {
    std::minstd_rand random(7);
    KeyInterest one;
    one.add("one");
    int glances = 0;
    for (int round = 0; round < 5000 && !::testing::Test::HasFailure(); ++round) {
        std::string span;
        for (const std::string& piece : pieces(random)) span += piece;
        glances += is_read_at_a_glance(span, {});
        is_read_at_a_glance(span, one);
    }
    EXPECT_GT(glances, 100);
    EXPECT_LT(glances, 4900) << "those that say something twice";
    EXPECT_TRUE(is_read_at_a_glance(typical_span(), {}));
    EXPECT_TRUE(is_read_at_a_glance(typical_span(), one));
    EXPECT_TRUE(is_read_at_a_glance(typical_span() + bytes(15, number(3, 2)), one));
    EXPECT_TRUE(
        is_read_at_a_glance(typical_span() + bytes(9, key_value("long", text_value(std::string(300, 'v')))), one));
    EXPECT_FALSE(is_read_at_a_glance(typical_span() + bytes(5, "second"), {}));
    const std::string recorded = recorded_span();
    const size_t tail = recorded.size() - SpanTail::kSize;
    const std::string event = bytes(11, fixed64(1, 3) + bytes(2, "event"));
    EXPECT_TRUE(is_read_at_a_glance(recorded, {}));
    EXPECT_TRUE(is_read_at_a_glance(recorded, one));
    EXPECT_TRUE(is_read_at_a_glance(recorded.substr(0, tail) + event + recorded.substr(tail), one));
    EXPECT_TRUE(is_read_at_a_glance(recorded.substr(0, tail) + bytes(15, number(3, 2)) + recorded.substr(tail), one));
    EXPECT_FALSE(is_read_at_a_glance(recorded + bytes(5, "second"), {}));
    EXPECT_FALSE(is_read_at_a_glance(recorded + number(10, 3), {}));
    EXPECT_FALSE(is_read_at_a_glance(recorded.substr(0, tail), {})) << "it goes on";
}

TEST(SpanGlanceTest, KnowsKeysThatNobodyWants) {
    KeyInterest keys;
    keys.add("url.path");
    keys.add("url.host");  // of the same size
    const std::string name = bytes(1, trace_id(3)) + bytes(2, span_id(4)) + bytes(5, "GET");
    const auto may_have = [&](const std::string& attribute) {
        SpanGlance glance;
        const std::string span = name + bytes(9, attribute) + fixed32(16, 0x101);
        EXPECT_TRUE(glance.read(readable(span), keys, {}));
        return glance.may_have_wanted();
    };
    EXPECT_TRUE(may_have(key_value("url.path", text_value("/"))));
    EXPECT_TRUE(may_have(key_value("url.host", number(3, 1))));
    EXPECT_FALSE(may_have(key_value("url.port", number(3, 1))));
    EXPECT_FALSE(may_have(key_value("url.path.of", text_value("/"))));
    EXPECT_TRUE(may_have(bytes(2, text_value("/")) + bytes(1, "url.path"))) << "in the other order";
    EXPECT_TRUE(may_have(bytes(1, "url.port") + bytes(2, text_value("/")) + bytes(1, "url.path"))) << "the last counts";
    EXPECT_TRUE(may_have(key_value("url.path", text_value(std::string(200, 'v')))));
}

// Wherever a field ends too early: nothing is read beyond.
TEST(SpanEditTest, ReadsNothingBeyondTheEnd) {
    spanring::test::GuardedBytes guarded(4096);
    for (const std::string& span : {typical_span(), recorded_span()}) {
        for (size_t size = 0; size < span.size(); ++size) {
            const std::string_view begin = std::string_view(span).substr(0, size);
            Scratch scratch;
            SpanEdit edit(scratch);
            SpanInterest interest;
            interest.attributes.add_all();
            edit.read(guarded.at_end(begin), interest);
            EXPECT_LE(edit.attribute_count(), 3u);
            SpanGlance glance;
            glance.read(guarded.at_end(begin), interest.attributes, {});
        }
    }
}

}  // namespace
}  // namespace spanring::agent::test
