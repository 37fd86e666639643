// SPDX-License-Identifier: Apache-2.0
#include "command/page/service_map.hpp"

#include <gtest/gtest.h>

#include "support/otlp_bytes.hpp"

namespace spanring::agent {
namespace {

using test::bytes;
using test::fixed64;
using test::number;

std::string span(uint64_t trace, uint64_t id, uint64_t parent, uint64_t start, uint64_t duration, bool error = false) {
    return bytes(2, bytes(1, test::trace_id(trace)) + bytes(2, test::span_id(id)) +
                        (parent != 0 ? bytes(4, test::span_id(parent)) : "") + fixed64(7, start) +
                        fixed64(8, start + duration) + (error ? bytes(15, number(3, 2)) : ""));
}

std::string of(const std::string& service, const std::string& spans) {
    const std::string name = bytes(1, test::key_value("service.name", test::text_value(service)));
    return bytes(1, bytes(1, name) + bytes(2, spans));
}

bool add(ServiceMap& map, const std::string& request) {
    return map.add({reinterpret_cast<const uint8_t*>(request.data()), request.size()});
}

TEST(PageServiceMap, ARequestIsASpanWhoseParentIsOfAnotherService) {
    ServiceMap map(100, 0);
    EXPECT_TRUE(add(map, of("pay", span(1, 2, 1, 110, 50, true) + span(2, 2, 1, 110, 70) + span(1, 3, 2, 120, 5))));
    EXPECT_TRUE(add(map, of("front", span(1, 1, 0, 100, 100) + span(2, 1, 0, 100, 100))));
    EXPECT_TRUE(add(map, of("pay", span(3, 2, 1, 300, 1) + span(1, 2, 1, 110, 50, true))));
    map.settle();
    EXPECT_EQ(map.spans(), 6u) << "one came twice";
    EXPECT_EQ(map.begin_unix_nano(), 100u);
    EXPECT_EQ(map.end_unix_nano(), 301u);
    EXPECT_EQ(map.services().at("front").spans, 2u);
    EXPECT_EQ(map.services().at("pay").spans, 4u);
    EXPECT_EQ(map.services().at("pay").errors, 1u);
    ASSERT_EQ(map.edges().size(), 1u);
    const auto& [edge, counts] = *map.edges().begin();
    EXPECT_EQ(edge, (ServiceMap::Edge{"front", "pay"}));
    EXPECT_EQ(counts.spans(), 2u);
    EXPECT_EQ(counts.errors, 1u);
}

TEST(PageServiceMap, IsBoundedInSpansAndInNames) {
    ServiceMap few(2, 0);
    EXPECT_TRUE(add(few, of("a", span(1, 1, 0, 1, 1))));
    EXPECT_FALSE(add(few, of("a", span(1, 2, 0, 1, 1) + span(1, 3, 0, 1, 1))));
    EXPECT_EQ(few.spans(), 2u);

    ServiceMap many(10'000, 0);
    for (uint64_t i = 0; i < 2000; ++i) add(many, of("service " + std::to_string(i), span(i, 1, 0, 1, 1)));
    many.settle();
    EXPECT_EQ(many.spans(), 2000u);
    EXPECT_LT(many.services().size(), 600u);
    EXPECT_GT(many.services().at("(others)").spans, 1000u);

    ServiceMap late(100, 50);
    EXPECT_TRUE(add(late, of("a", span(1, 1, 0, 49, 1) + span(1, 2, 0, 50, 1))));
    EXPECT_EQ(late.spans(), 1u);
}

TEST(PageServiceMap, BytesThatAreNoSpansAreNone) {
    ServiceMap map(100, 0);
    EXPECT_TRUE(add(map, "\xff\xff"));
    EXPECT_TRUE(add(map, of("a", bytes(2, bytes(1, "short") + bytes(2, "x")))));
    map.settle();
    EXPECT_EQ(map.spans(), 0u);
}

}  // namespace
}  // namespace spanring::agent
