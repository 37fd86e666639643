// SPDX-License-Identifier: Apache-2.0
#include "receive/json_request.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>

#include "otlp.pb.h"
#include "support/otlp_bytes.hpp"

namespace spanring::agent::test {
namespace {

struct Converted {
    std::string fault;
    otlp::Request request;
};

Converted convert(const std::string& json) {
    Converted result;
    Body body;
    result.fault = request_of_json(readable(json), body);
    if (!result.fault.empty()) return result;
    EXPECT_TRUE(result.request.ParseFromArray(body.bytes.get(), static_cast<int>(body.size)));
    return result;
}

std::string with_span(const std::string& fields) {
    return R"({"resourceSpans":[{"scopeSpans":[{"spans":[{)" + fields + "}]}]}]}";
}
otlp::Span span_of(const std::string& fields) {
    const Converted result = convert(with_span(fields));
    EXPECT_EQ(result.fault, "");
    return result.request.resource_spans_size() != 0 ? result.request.resource_spans(0).scope_spans(0).spans(0)
                                                     : otlp::Span();
}
otlp::AnyValue value_of(const std::string& json) {
    return span_of(R"("attributes":[{"key":"k","value":)" + json + "}]").attributes(0).value();
}

TEST(JsonRequestTest, EveryFieldHasItsPlace) {
    const Converted result = convert(R"({"resourceSpans":[{
        "resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}],"droppedAttributesCount":1},
        "scopeSpans":[{"scope":{"name":"http","version":"2"},"schemaUrl":"https://scope",
          "spans":[{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"eee19b7ec3c1b174","parentSpanId":"",
            "traceState":"a=b","name":"GET \u00fc","kind":2,"startTimeUnixNano":"1544712660000000000",
            "endTimeUnixNano":1544712661000000000,"droppedAttributesCount":3,"flags":257,
            "events":[{"timeUnixNano":"7","name":"e","attributes":[{"key":"x","value":{"boolValue":true}}]}],
            "links":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","flags":1}],
            "status":{"message":"no","code":2}}]}],
        "schemaUrl":"https://resource"}]})");
    ASSERT_EQ(result.fault, "");
    const auto& resource = result.request.resource_spans(0);
    EXPECT_EQ(resource.resource().attributes(0).value().string_value(), "shop");
    EXPECT_EQ(resource.schema_url(), "https://resource");
    EXPECT_EQ(resource.scope_spans(0).scope().version(), "2");
    EXPECT_EQ(resource.scope_spans(0).schema_url(), "https://scope");
    const otlp::Span& span = resource.scope_spans(0).spans(0);
    EXPECT_EQ(span.trace_id(), std::string("\x5b\x8e\xff\xf7\x98\x03\x81\x03\xd2\x69\xb6\x33\x81\x3f\xc6\x0c", 16));
    EXPECT_EQ(span.span_id().size(), 8u);
    EXPECT_EQ(span.parent_span_id(), "");
    EXPECT_EQ(span.name(), "GET \xc3\xbc");
    EXPECT_EQ(span.start_time_unix_nano(), 1544712660000000000u);
    EXPECT_EQ(span.end_time_unix_nano(), 1544712661000000000u);
    EXPECT_EQ(span.dropped_attributes_count(), 3u);
    EXPECT_EQ(span.flags(), 257u);
    EXPECT_TRUE(span.events(0).attributes(0).value().bool_value());
    EXPECT_EQ(span.links(0).flags(), 1u);
    EXPECT_EQ(span.status().message(), "no");
    EXPECT_EQ(static_cast<int>(span.status().code()), 2);
}

TEST(JsonRequestTest, ValuesOfEveryType) {
    EXPECT_EQ(value_of(R"({"intValue":"-9223372036854775808"})").int_value(), INT64_MIN);
    EXPECT_EQ(value_of(R"({"intValue":5})").int_value(), 5);
    EXPECT_EQ(value_of(R"({"intValue":5.0})").int_value(), 5);
    EXPECT_EQ(value_of(R"({"doubleValue":-1.5})").double_value(), -1.5);
    EXPECT_EQ(value_of(R"({"doubleValue":"-Infinity"})").double_value(), -INFINITY);
    EXPECT_EQ(value_of(R"({"doubleValue":3})").double_value(), 3);
    EXPECT_EQ(value_of(R"({"bytesValue":"AP+A"})").bytes_value(), std::string("\x00\xff\x80", 3));
    EXPECT_EQ(value_of(R"({"bytesValue":"_w=="})").bytes_value(), "\xff");
    EXPECT_EQ(value_of(R"({"arrayValue":{"values":[{"stringValue":"a"},{}]}})").array_value().values_size(), 2);
    EXPECT_EQ(
        value_of(R"({"kvlistValue":{"values":[{"key":"a","value":{"intValue":1}}]}})").kvlist_value().values_size(), 1);
    EXPECT_EQ(value_of("{}").value_case(), otlp::AnyValue::VALUE_NOT_SET);
}

TEST(JsonRequestTest, WhatIsNotKnownIsLeftOut) {
    EXPECT_EQ(span_of(R"("new":{"deep":[1,{"x":[]}]},"list":[[1],2],"name":"n","trace_id":"zz","other":null)").name(),
              "n");
    EXPECT_EQ(span_of(R"("name":null,"kind":1)").name(), "");
}

TEST(JsonRequestTest, WhatIsNoRequestIsSaid) {
    EXPECT_NE(convert("").fault, "");
    EXPECT_NE(convert("{").fault, "");
    EXPECT_NE(convert("[]").fault, "");
    EXPECT_NE(convert("null").fault, "");
    EXPECT_NE(convert("5").fault, "");
    EXPECT_NE(convert("\"x\"").fault, "");
    EXPECT_NE(convert("{} {}").fault, "");
    EXPECT_NE(convert("{\"resourceSpans\":{}}").fault, "");
    EXPECT_NE(convert("{\"resourceSpans\":[[]]}").fault, "");
    EXPECT_NE(convert("{\"resourceSpans\":[5]}").fault, "");
    EXPECT_NE(convert(with_span(R"("name":["x"])")).fault, "");
    EXPECT_NE(convert(with_span(R"("name":5)")).fault, "");
    EXPECT_NE(convert(with_span(R"("traceId":"5b8")")).fault, "");
    EXPECT_NE(convert(with_span(R"("traceId":"xy")")).fault, "");
    EXPECT_NE(convert(with_span(R"("kind":-1)")).fault, "");
    EXPECT_NE(convert(with_span(R"("kind":1.5)")).fault, "");
    EXPECT_NE(convert(with_span(R"("kind":4294967296)")).fault, "");
    EXPECT_NE(convert(with_span(R"("startTimeUnixNano":"18446744073709551616")")).fault, "");
    EXPECT_NE(convert(with_span(R"("attributes":[{"value":{"intValue":"9223372036854775808"}}])")).fault, "");
    EXPECT_NE(convert(with_span("\"name\":\"\xff\"")).fault, "");
}

TEST(JsonRequestTest, WhatNumbersGrowToIsBounded) {
    const auto fault_of = [](int points, int counts, size_t most) {
        std::string json = R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[)";
        for (int point = 0; point < points; ++point) {
            json += point != 0 ? "," : "";
            json += R"({"bucketCounts":[0)";
            for (int count = 1; count < counts; ++count) json += ",0";
            json += R"(],"explicitBounds":[],"count":7,"sum":1.5})";
        }
        json += "]}}]}]}]}";
        Body body;
        return request_of_json(readable(json), body, Signal::kMetrics, most);
    };
    EXPECT_EQ(fault_of(10, 100, SIZE_MAX), "");
    EXPECT_EQ(fault_of(10, 100, 8010), "");
    EXPECT_NE(fault_of(10, 100, 7990).find("too large"), std::string::npos);
    EXPECT_NE(fault_of(1, 100, 8).find("too large"), std::string::npos);
}

TEST(JsonRequestTest, DepthIsBounded) {
    std::string deep = "{}";
    for (int i = 0; i < 200; ++i) deep = R"({"arrayValue":{"values":[)" + deep + "]}}";
    EXPECT_NE(convert(with_span(R"("attributes":[{"key":"k","value":)" + deep + "}]")).fault, "");
    std::string unknown;
    for (int i = 0; i < 100'000; ++i) unknown += '[';
    EXPECT_NE(convert(with_span("\"unknown\":" + unknown)).fault, "");
}

}  // namespace
}  // namespace spanring::agent::test
