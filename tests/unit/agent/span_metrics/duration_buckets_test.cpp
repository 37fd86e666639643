// SPDX-License-Identifier: Apache-2.0
#include "span_metrics/duration_buckets.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace spanring::agent {
namespace {

constexpr uint64_t kMilli = 1'000'000;

// Durations of every size, and what lies beside the bounds.
std::vector<uint64_t> durations() {
    std::vector<uint64_t> all = {0, 1, 2, 3, ~uint64_t{0}, ~uint64_t{0} - 1, uint64_t{1} << 63};
    std::mt19937_64 random(1);
    for (int i = 0; i < 20'000; ++i) all.push_back(random() >> random() % 64);
    for (uint64_t power = 1; power < uint64_t{1} << 40; power *= 2) {
        for (const uint64_t unit : {uint64_t{1}, kMilli, 1000 * kMilli}) {
            for (const int64_t beside : {-1, 0, 1}) all.push_back(power * unit + static_cast<uint64_t>(beside));
        }
    }
    return all;
}

TEST(ExplicitBucketsTest, ABoundBelongsBelowIt) {
    const auto buckets = DurationBuckets::explicit_at({2 * kMilli, 4 * kMilli});
    EXPECT_EQ(buckets.index(0), 0u);
    EXPECT_EQ(buckets.index(2 * kMilli), 0u);
    EXPECT_EQ(buckets.index(2 * kMilli + 1), 1u);
    EXPECT_EQ(buckets.index(4 * kMilli), 1u);
    EXPECT_EQ(buckets.index(4 * kMilli + 1), 2u);
    EXPECT_EQ(buckets.index(~uint64_t{0}), 2u);
}

TEST(ExplicitBucketsTest, AreThoseOfASearch) {
    for (const std::vector<uint64_t>& bounds : {std::vector<uint64_t>{1},
                                                {1, 2, 3, 4, 5},
                                                {2 * kMilli, 4 * kMilli, 6 * kMilli, 10 * kMilli, 50 * kMilli},
                                                {uint64_t{1} << 62, ~uint64_t{0} - 1}}) {
        const auto buckets = DurationBuckets::explicit_at(bounds);
        for (const uint64_t duration : durations()) {
            const auto found = std::lower_bound(bounds.begin(), bounds.end(), duration) - bounds.begin();
            ASSERT_EQ(buckets.index(duration), static_cast<uint32_t>(found)) << duration;
        }
    }
}

// OTLP's index, by its definition: base^index < value <= base^(index + 1).
int32_t index_at(long double value, int32_t scale) {
    return static_cast<int32_t>(std::ceil(std::log2(value) * std::ldexp(1.0L, scale))) - 1;
}

bool is_beside_a_bound(long double value) {
    const long double place = std::log2(value) * DurationBuckets::kOfADoubling;
    return std::fabs(place - std::round(place)) < 1e-12L && std::exp2(std::round(std::log2(value))) != value;
}

TEST(ExponentialBucketsTest, AreThoseOfTheDefinition) {
    for (const DurationUnit unit : {DurationUnit::kMilliseconds, DurationUnit::kSeconds}) {
        const auto buckets = DurationBuckets::exponential(unit);
        EXPECT_EQ(buckets.index(0), DurationBuckets::kZero);
        for (const uint64_t duration : durations()) {
            const auto value = static_cast<long double>(static_cast<double>(duration) / nanoseconds_in(unit));
            if (duration == 0 || is_beside_a_bound(value)) continue;
            const int32_t index = static_cast<int32_t>(buckets.index(duration)) - DurationBuckets::kMiddle;
            ASSERT_EQ(index, index_at(value, DurationBuckets::kScale)) << duration;
            ASSERT_LT(buckets.index(duration), DurationBuckets::kMost);
            ASSERT_NE(buckets.index(duration), DurationBuckets::kZero);
        }
    }
}

}  // namespace
}  // namespace spanring::agent
