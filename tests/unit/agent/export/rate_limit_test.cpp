// SPDX-License-Identifier: Apache-2.0
#include "export/rate_limit.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

using namespace std::chrono_literals;
using Time = RateLimit::Time;

constexpr Time kStart{std::chrono::hours(1)};

// How many requests of this size go until `end`, each as soon as it may.
size_t count(RateLimit& rate, size_t bytes, Time now, Time end) {
    size_t requests = 0;
    for (; (now = std::max(now, rate.next(now))) < end; ++requests) rate.begin(bytes, now);
    return requests;
}

TEST(RateLimitTest, WithoutARateNothingWaits) {
    RateLimit rate({});
    EXPECT_FALSE(rate.limits());
    for (int i = 0; i < 1000; ++i) {
        EXPECT_EQ(rate.next(kStart), kStart);
        rate.begin(1 << 30, kStart);
    }
}

TEST(RateLimitTest, ASecondsWorthGoesAtOnceAndThenTheRate) {
    RateLimit rate({.requests_per_second = 50});
    EXPECT_EQ(count(rate, 1, kStart, kStart + 1ns), 50u);
    EXPECT_EQ(rate.next(kStart), kStart + 20ms);
    EXPECT_EQ(count(rate, 1, kStart, kStart + 10s - 1ns), 499u);
}

TEST(RateLimitTest, ALargeRequestIsPaidForAfterwards) {
    RateLimit rate({.bytes_per_second = 1000});
    EXPECT_EQ(rate.next(kStart), kStart);
    rate.begin(5000, kStart);
    EXPECT_GT(rate.next(kStart + 4s), kStart + 4s);
    EXPECT_LE(rate.next(kStart + 4s), kStart + 4001ms);
    RateLimit whole({.bytes_per_second = 1000});
    const size_t requests = count(whole, 5000, kStart, kStart + 1000s);
    EXPECT_GE(requests * 5000, 995'000u);
    EXPECT_LE(requests * 5000, 1'006'000u) << "a second's worth, and a request";
}

TEST(RateLimitTest, WhicheverIsUsedUpFirstHolds) {
    RateLimit rate({.requests_per_second = 10, .bytes_per_second = 1000});
    EXPECT_EQ(count(rate, 1, kStart, kStart + 1ns), 10u);
    RateLimit other({.requests_per_second = 10, .bytes_per_second = 1000});
    EXPECT_EQ(count(other, 500, kStart, kStart + 1ns), 2u);
}

TEST(RateLimitTest, AQuietTimeSavesASecondsWorthAndNoMore) {
    RateLimit rate({.requests_per_second = 10});
    count(rate, 1, kStart, kStart + 1ns);
    EXPECT_EQ(count(rate, 1, kStart + 1h, kStart + 1h + 1ns), 10u);
}

TEST(RateLimitTest, AClockThatStandsStillHoldsIt) {
    RateLimit rate({.requests_per_second = 1});
    rate.begin(1, kStart);
    rate.begin(1, kStart - 1h);
    EXPECT_EQ(rate.next(kStart), kStart + 2s);
}

}  // namespace
}  // namespace spanring::agent
