// SPDX-License-Identifier: Apache-2.0
#include "otlp/json.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <string>

#include "otlp/wire.hpp"

namespace spanring::agent {
namespace {

// A message, field by field.
class Message {
public:
    Message& number(uint32_t field, uint64_t value) { return varint(field << 3).varint(value); }
    Message& bytes(uint32_t field, const std::string& value) {
        varint(field << 3 | 2).varint(value.size());
        text_ += value;
        return *this;
    }
    Message& bytes(uint32_t field, const Message& value) { return bytes(field, value.text_); }
    Message& fixed64(uint32_t field, uint64_t value) {
        varint(field << 3 | 1);
        text_.append(reinterpret_cast<const char*>(&value), sizeof value);
        return *this;
    }
    Message& fixed32(uint32_t field, uint32_t value) {
        varint(field << 3 | 5);
        text_.append(reinterpret_cast<const char*>(&value), sizeof value);
        return *this;
    }
    std::span<const uint8_t> get() const { return {reinterpret_cast<const uint8_t*>(text_.data()), text_.size()}; }

private:
    Message& varint(uint64_t value) {
        uint8_t bytes[10];
        text_.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(wire::put_varint(bytes, value) - bytes));
        return *this;
    }
    std::string text_;
};

Message attribute(const std::string& key, const Message& value) { return Message().bytes(1, key).bytes(2, value); }
Message real(double value) { return Message().fixed64(4, std::bit_cast<uint64_t>(value)); }

TEST(OtlpJsonTest, MapsEveryFieldOfASpan) {
    Message span;
    span.bytes(1, std::string(16, '\xab'))
        .bytes(2, std::string(8, '\x01'))
        .bytes(3, "a=1")
        .bytes(4, std::string(8, '\x02'));
    span.bytes(5, "näme").number(6, 2).fixed64(7, 1'700'000'000'000'000'001).fixed64(8, 18'446'744'073'709'551'615u);
    span.bytes(9, attribute("k", Message().bytes(1, "v"))).number(10, 1);
    span.bytes(11,
               Message().fixed64(1, 5).bytes(2, "event").bytes(3, attribute("e", Message().number(2, 0))).number(4, 2));
    span.number(12, 3);
    span.bytes(13, Message()
                       .bytes(1, std::string(16, '\x03'))
                       .bytes(2, std::string(8, '\x04'))
                       .bytes(3, "b=2")
                       .number(5, 4)
                       .fixed32(6, 0x301));
    span.number(14, 5).bytes(15, Message().bytes(2, "bad").number(3, 2)).fixed32(16, 0x101);
    EXPECT_EQ(
        otlp_json_of_span(span.get()),
        R"({"traceId":"abababababababababababababababab","spanId":"0101010101010101","traceState":"a=1",)"
        R"("parentSpanId":"0202020202020202","name":"näme","kind":2,"startTimeUnixNano":"1700000000000000001",)"
        R"("endTimeUnixNano":"18446744073709551615","attributes":[{"key":"k","value":{"stringValue":"v"}}],)"
        R"("droppedAttributesCount":1,"events":[{"timeUnixNano":"5","name":"event",)"
        R"("attributes":[{"key":"e","value":{"boolValue":false}}],"droppedAttributesCount":2}],"droppedEventsCount":3,)"
        R"("links":[{"traceId":"03030303030303030303030303030303","spanId":"0404040404040404","traceState":"b=2",)"
        R"("droppedAttributesCount":4,"flags":769}],"droppedLinksCount":5,"status":{"message":"bad","code":2},"flags":257})");
}

TEST(OtlpJsonTest, MapsEveryKindOfValue) {
    Message list, pairs, resource;
    list.bytes(1, Message().number(3, 1)).bytes(1, Message());
    pairs.bytes(1, attribute("in", Message().bytes(1, "")));
    resource.bytes(1,
                   attribute("int", Message().number(3, static_cast<uint64_t>(std::numeric_limits<int64_t>::min()))));
    resource.bytes(1, attribute("double", real(0.5))).bytes(1, attribute("minus zero", real(-0.0)));
    resource.bytes(1, attribute("nan", real(std::numeric_limits<double>::quiet_NaN())));
    resource.bytes(1, attribute("inf", real(-std::numeric_limits<double>::infinity())));
    resource.bytes(1, attribute("list", Message().bytes(5, list)))
        .bytes(1, attribute("pairs", Message().bytes(6, pairs)));
    resource.bytes(1, attribute("bytes", Message().bytes(7, std::string("\0\xff", 2))));
    resource.bytes(1, attribute("empty list", Message().bytes(5, Message()))).bytes(1, attribute("none", Message()));
    EXPECT_EQ(
        otlp_json_of_resource(resource.get()),
        R"({"attributes":[{"key":"int","value":{"intValue":"-9223372036854775808"}},)"
        R"({"key":"double","value":{"doubleValue":0.5}},{"key":"minus zero","value":{"doubleValue":-0.0}},)"
        R"({"key":"nan","value":{"doubleValue":"NaN"}},{"key":"inf","value":{"doubleValue":"-Infinity"}},)"
        R"({"key":"list","value":{"arrayValue":{"values":[{"intValue":"1"},{}]}}},)"
        R"({"key":"pairs","value":{"kvlistValue":{"values":[{"key":"in","value":{"stringValue":""}}]}}},)"
        R"({"key":"bytes","value":{"bytesValue":"AP8="}},{"key":"empty list","value":{"arrayValue":{"values":[]}}},)"
        R"({"key":"none","value":{}}]})");
}

// Protobuf's enums are int32, and a reader refuses the whole request where a number is none.
TEST(OtlpJsonTest, AnEnumThatNobodyKnowsIsItsNumber) {
    Message span;
    span.number(6, ~uint64_t{0}).bytes(15, Message().number(3, 0xffff'ffff));
    EXPECT_EQ(otlp_json_of_span(span.get()), R"({"kind":-1,"status":{"code":-1}})");
}

TEST(OtlpJsonTest, LeavesOutDefaultsAndWhatIsNoField) {
    EXPECT_EQ(otlp_json_of_span(Message().bytes(5, "").number(6, 0).fixed64(7, 0).number(99, 1).get()), "{}");
    EXPECT_EQ(otlp_json_of_scope(Message().bytes(1, "lib").bytes(2, "1.0").get()), R"({"name":"lib","version":"1.0"})");
    const std::string broken = "\x2a\xff";
    EXPECT_EQ(otlp_json_of_span({reinterpret_cast<const uint8_t*>(broken.data()), broken.size()}), "{}");
}

TEST(OtlpJsonTest, AnyTextIsAString) {
    const auto name = [](const std::string& text) { return otlp_json_of_scope(Message().bytes(1, text).get()); };
    EXPECT_EQ(name("a\"b\\c\n\r\t\x01\x1f"), R"({"name":"a\"b\\c\n\r\t\u0001\u001f"})");
    EXPECT_EQ(name(std::string("\0", 1)), R"({"name":"\u0000"})");
    EXPECT_EQ(name("\x7f €😀"), "{\"name\":\"\x7f €😀\"}");
    EXPECT_EQ(name("a\xff\xed\xa0\x80z"), "{\"name\":\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"}");
}

TEST(OtlpJsonTest, ARealNumberStaysOne) {
    const auto number = [](double value) {
        return otlp_json_of_resource(Message().bytes(1, attribute("", real(value))).get());
    };
    EXPECT_EQ(number(3), R"({"attributes":[{"key":"","value":{"doubleValue":3.0}}]})");
    EXPECT_EQ(number(1e300), R"({"attributes":[{"key":"","value":{"doubleValue":1e+300}}]})");
    EXPECT_EQ(number(0.1), R"({"attributes":[{"key":"","value":{"doubleValue":0.1}}]})");
}

TEST(OtlpJsonTest, AFieldThatComesAgainReplacesWhatItSaid) {
    EXPECT_EQ(otlp_json_of_scope(Message().bytes(1, "a").bytes(1, "b").get()), R"({"name":"b"})");
    EXPECT_EQ(otlp_json_of_resource(Message().bytes(1, attribute("k", Message().bytes(1, "text").number(3, 7))).get()),
              R"({"attributes":[{"key":"k","value":{"intValue":"7"}}]})");
}

TEST(OtlpJsonTest, ARequestIsOneLine) {
    const Message span = Message().bytes(5, "s");
    const Message scope = Message().bytes(1, Message().bytes(1, "lib")).bytes(2, span).bytes(2, span).bytes(3, "url");
    const Message request =
        Message().bytes(1, Message().bytes(1, Message()).bytes(2, scope).bytes(3, "other")).bytes(1, Message());
    EXPECT_EQ(otlp_json_of_request(request.get()),
              R"({"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":{"name":"lib"},"spans":[{"name":"s"},)"
              R"({"name":"s"}],"schemaUrl":"url"}],"schemaUrl":"other"},{}]})");
    EXPECT_EQ(otlp_json_of_request({}), "{}");
}

TEST(OtlpJsonTest, ValuesThatAreNestedTooDeepEnd) {
    Message value = Message().number(3, 1);
    for (int i = 0; i < 1000; ++i) value = Message().bytes(5, Message().bytes(1, value));
    EXPECT_FALSE(otlp_json_of_resource(Message().bytes(1, attribute("deep", value)).get()).empty());
}

}  // namespace
}  // namespace spanring::agent
