// SPDX-License-Identifier: Apache-2.0
#include "otlp/span_decoder.hpp"

#include <gtest/gtest.h>

#include <random>

#include "support/otlp_bytes.hpp"

namespace spanring::agent::test {
namespace {

TEST(SpanDecoderTest, ReadsEveryField) {
    DecodedSpan span;
    ASSERT_TRUE(decode_span(readable(full_span(3)), span));
    EXPECT_EQ(to_hex(span.trace_id), "0300000000000000"
                                     "1111111111111111");
    EXPECT_EQ(to_hex(span.span_id), "0400000000000000");
    EXPECT_EQ(to_hex(span.parent_span_id), "0500000000000000");
    EXPECT_FALSE(span.root());
    EXPECT_EQ(span.trace_state, "vendor=1,other=2");
    EXPECT_EQ(span.name, "GET /api/orders/{id}");
    EXPECT_STREQ(kind_name(span.kind), "Server");
    EXPECT_EQ(span.start_unix_nano, 1'700'000'000'000'000'003u);
    EXPECT_EQ(span.end_unix_nano, 1'700'000'000'000'500'003u);
    EXPECT_EQ(span.dropped_attributes, 1u);
    EXPECT_EQ(span.dropped_events, 3u);
    EXPECT_EQ(span.dropped_links, 5u);
    EXPECT_STREQ(status_name(span.status_code), "Error");
    EXPECT_EQ(span.status_message, "it broke");
    EXPECT_EQ(span.flags, 0x101u);
    ASSERT_EQ(span.events.size(), 1u);
    EXPECT_EQ(span.events[0].name, "exception");
    EXPECT_EQ(span.events[0].time_unix_nano, 1'700'000'000'000'100'000u);
    EXPECT_EQ(span.events[0].dropped_attributes, 2u);
    ASSERT_EQ(span.links.size(), 1u);
    EXPECT_EQ(to_hex(span.links[0].span_id), "0a00000000000000");
    EXPECT_EQ(span.links[0].trace_state, "x=y");
    EXPECT_EQ(span.links[0].flags, 0x301u);
}

TEST(SpanDecoderTest, RendersEveryTypeOfValue) {
    DecodedSpan span;
    ASSERT_TRUE(decode_span(readable(full_span()), span));
    const auto value = [&](const char* key) {
        const Value* found = find(span.attributes, key);
        return found == nullptr ? "(missing)" : found->json();
    };
    EXPECT_EQ(value("http.request.method"), "\"GET\"");
    EXPECT_EQ(value("http.response.status_code"), "200");
    EXPECT_EQ(value("bool"), "true");
    EXPECT_EQ(value("double"), "1.5");
    EXPECT_EQ(value("map"), R"({"inner":["a",7,null],"none":null})");
    EXPECT_EQ(value("blob"), "\"AP+A\"");
    EXPECT_EQ(value("nothing"), "null");
    EXPECT_EQ(find(span.attributes, "absent"), nullptr);
}

TEST(SpanDecoderTest, EscapesTextInJson) {
    EXPECT_EQ((Value{ValueType::kString, "a\"b\\c\n\x01"}.json()), R"("a\"b\\c\n\u0001")");
    EXPECT_EQ((Value{ValueType::kString, "Gr\xc3\xbc\xc3\x9f"
                                         "e"}
                   .json()),
              "\"Gr\xc3\xbc\xc3\x9f"
              "e\"");
}

TEST(SpanDecoderTest, RendersOddDoublesSoThatJsonStaysJson) {
    const auto render = [](double number) {
        uint64_t word = 0;
        std::memcpy(&word, &number, 8);
        DecodedSpan span;
        EXPECT_TRUE(decode_span(readable(bytes(9, key_value("d", fixed64(4, word)))), span));
        return span.attributes[0].second.json();
    };
    EXPECT_EQ(render(2.0), "2.0");
    EXPECT_EQ(render(1e300), "1e+300");
    EXPECT_EQ(render(-0.1), "-0.1");
    EXPECT_EQ(render(std::numeric_limits<double>::infinity()), "\"Infinity\"");
    EXPECT_EQ(render(-std::numeric_limits<double>::infinity()), "\"-Infinity\"");
    EXPECT_EQ(render(std::numeric_limits<double>::quiet_NaN()), "\"NaN\"");
}

TEST(SpanDecoderTest, VisitsTheSpansOfARequestWithTheirResourceAndScope) {
    const std::string shop = bytes(1, bytes(1, key_value("service.name", text_value("shop"))));
    // The scope stands behind its spans: legal in protobuf.
    const std::string request = bytes(1, shop +
                                             bytes(2, bytes(2, bare_span(1)) + bytes(2, bare_span(2)) +
                                                          bytes(1, bytes(1, "lib") + bytes(2, "2"))) +
                                             bytes(2, bytes(2, bare_span(3)) + bytes(3, "https://schema"))) +
                                bytes(1, bytes(2, bytes(2, bare_span(4))));
    std::string seen;
    ASSERT_TRUE(
        visit_spans(readable(request), [&](const DecodedResource& resource, const DecodedScope& scope, auto body) {
            DecodedSpan span;
            ASSERT_TRUE(decode_span(body, span));
            seen += resource.service_name + "/" + scope.name + scope.version + scope.schema_url + "/" +
                    std::to_string(span.span_id[0] - 1) + " ";
        }));
    EXPECT_EQ(seen, "shop/lib2/1 shop/lib2/2 shop/https://schema/3 //4 ");
}

TEST(SpanDecoderTest, RefusesWhatIsNoOtlpAndNeverReadsOutside) {
    DecodedSpan span;
    EXPECT_FALSE(decode_span(readable("\x0a\x05"
                                      "abc"),
                             span));
    EXPECT_FALSE(decode_span(readable(bytes(1, "short")), span));
    std::string deep = text_value("x");
    for (int i = 0; i < 1000; ++i) deep = bytes(5, bytes(1, deep));
    EXPECT_FALSE(decode_span(readable(bytes(9, key_value("k", deep))), span));
    std::mt19937 random(3);
    for (int round = 0; round < 20'000; ++round) {
        std::string bad = full_span();
        for (int i = 0; i < 4; ++i) bad[random() % bad.size()] = static_cast<char>(random());
        bad.resize(random() % bad.size());
        const std::unique_ptr<uint8_t[]> exact(new uint8_t[bad.size()]);  // a sanitizer sees every byte beyond
        std::copy(bad.begin(), bad.end(), exact.get());
        DecodedSpan any;
        decode_span({exact.get(), bad.size()}, any);
        visit_spans({exact.get(), bad.size()}, [](const auto&, const auto&, auto) {});
    }
}

}  // namespace
}  // namespace spanring::agent::test
