// SPDX-License-Identifier: Apache-2.0
#include "export/span_priority.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support/batches.hpp"
#include "support/test_spans.hpp"

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;

Priority of(const std::string& span) { return priority_of(readable(span), 1s); }

std::string lasting(uint64_t nanoseconds) { return bare_span() + fixed64(7, 1000) + fixed64(8, 1000 + nanoseconds); }

TEST(SpanPriorityTest, ErrorsComeFirst) {
    EXPECT_EQ(of(typical_span()), Priority::kRest);
    EXPECT_EQ(of(typical_span() + bytes(15, number(3, 2))), Priority::kFirst);
    EXPECT_EQ(of(typical_span() + bytes(15, bytes(2, "why") + number(3, 2))), Priority::kFirst);
    EXPECT_EQ(of(typical_span() + bytes(15, bytes(2, "why") + number(3, 1))), Priority::kRest) << "that is OK";
    EXPECT_EQ(of(typical_span() + bytes(15, "")), Priority::kRest);
}

TEST(SpanPriorityTest, UnfinishedSpansAreErrors) {
    TestSpan span;
    span.unfinished = true;
    EXPECT_EQ(of(span.record().substr(2)), Priority::kFirst);
}

TEST(SpanPriorityTest, SlowOnesComeFirst) {
    EXPECT_EQ(of(lasting(999'999'999)), Priority::kRest);
    EXPECT_EQ(of(lasting(1'000'000'000)), Priority::kFirst);
    EXPECT_EQ(of(bare_span() + fixed64(7, 5'000'000'000) + fixed64(8, 1000)), Priority::kRest) << "a clock went back";
    EXPECT_EQ(of(bare_span() + fixed64(8, 1000)), Priority::kRest);
}

TEST(SpanPriorityTest, WhatIsNoSpanIsTheRest) {
    EXPECT_EQ(of(""), Priority::kRest);
    EXPECT_EQ(of("\xff\xff\xff"), Priority::kRest);
}

TEST(SpanPriorityTest, SortsRunsWithoutACopyAndKeepsTogetherWhatStaysTogether) {
    std::string run;
    for (uint64_t n = 0; n < 10; ++n) run += bytes(2, n == 4 || n == 5 ? lasting(2'000'000'000) : lasting(1));
    auto batch = std::make_shared<Batch>();
    add_run(*batch, producer(1, "shop"), scope("x"), run, 10);
    add_run(*batch, producer(2, "cart"), scope("x"), bytes(2, lasting(3)), 1);
    const auto lanes = by_priority(batch->runs, 1s);
    const auto& first = lanes[static_cast<size_t>(Priority::kFirst)];
    const auto& rest = lanes[static_cast<size_t>(Priority::kRest)];
    ASSERT_EQ(first.size(), 1u);
    EXPECT_EQ(first[0].spans, 2u);
    ASSERT_EQ(rest.size(), 3u);
    EXPECT_EQ(rest[0].spans + rest[1].spans + rest[2].spans, 9u);
    EXPECT_EQ(rest[2].producer, batch->runs[1].producer);
    EXPECT_EQ(rest[0].bytes.data(), batch->runs[0].bytes.data());
    EXPECT_EQ(rest[1].bytes.data() + rest[1].bytes.size(), batch->runs[0].bytes.data() + batch->runs[0].bytes.size());
}

}  // namespace
}  // namespace spanring::agent::test
