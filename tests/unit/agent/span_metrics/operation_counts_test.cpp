// SPDX-License-Identifier: Apache-2.0
#include "span_metrics/operation_counts.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace spanring::agent {
namespace {

OperationCounts of(std::initializer_list<uint64_t> durations, uint64_t errors = 0) {
    OperationCounts counts;
    for (const uint64_t duration : durations) counts.add(duration, false);
    counts.errors = errors;
    return counts;
}

TEST(OperationCountsTest, EachDurationIsInItsBucket) {
    std::mt19937_64 chance(7);
    for (int i = 0; i < 10'000; ++i) {
        const uint64_t value = chance() >> (chance() % 64);
        const auto histogram = of({value}).histogram();
        ASSERT_EQ(histogram.size(), 1u);
        const auto near = static_cast<double>(value) * 1e-9 + 1;  // bounds are rounded to nanoseconds
        EXPECT_LE(static_cast<double>(histogram[0].from), static_cast<double>(value) + near);
        EXPECT_GE(static_cast<double>(histogram[0].to), static_cast<double>(value) - near);
        EXPECT_NEAR(static_cast<double>(of({value}).quantile(0.5)), static_cast<double>(value),
                    static_cast<double>(value) * 0.046 + 1);
    }
}

TEST(OperationCountsTest, QuantilesAreThoseOfTheDurations) {
    std::mt19937_64 chance(8);
    OperationCounts counts;
    std::vector<uint64_t> all;
    for (int i = 0; i < 10'000; ++i) {
        all.push_back(static_cast<uint64_t>(std::exp(static_cast<double>(chance() % 2'000'000) / 100'000.0)));
        counts.add(all.back(), i % 4 == 0);
    }
    std::sort(all.begin(), all.end());
    for (const double share : {0.01, 0.5, 0.95, 0.99, 1.0}) {
        const auto exact = static_cast<double>(all[static_cast<size_t>(std::ceil(share * 10'000)) - 1]);
        EXPECT_NEAR(static_cast<double>(counts.quantile(share)), exact, exact * 0.046 + 1) << share;
    }
    EXPECT_EQ(counts.spans(), 10'000u);
    EXPECT_EQ(counts.errors, 2'500u);
}

TEST(OperationCountsTest, OfNothingThereIsNothing) {
    EXPECT_EQ(OperationCounts().quantile(0.5), 0u);
    EXPECT_TRUE(OperationCounts().histogram().empty());
    EXPECT_EQ(OperationCounts().columns(4, 1, 1000), std::vector<uint64_t>(4, 0));
    EXPECT_EQ(of({0}).quantile(0.5), 0u);
}

TEST(OperationCountsTest, TimeThatDoesNotFitIsTheMostThatDoes) {
    EXPECT_EQ(of({10, 5}).whole_nanoseconds(), 15u);
    EXPECT_GT(of({UINT64_MAX}).whole_nanoseconds(), UINT64_MAX - 4096);
    EXPECT_GT(of({UINT64_MAX, UINT64_MAX}).whole_nanoseconds(), UINT64_MAX - 4096);
}

TEST(OperationCountsTest, WhatCameOnTopIsTheDifference) {
    OperationCounts now = of({10, 1'000'000}, 1);
    const OperationCounts before = of({10}, 1);
    EXPECT_EQ(now.since(before).spans(), 1u);
    EXPECT_EQ(now.since(before).errors, 0u);
    EXPECT_NEAR(static_cast<double>(now.since(before).quantile(0.5)), 1e6, 4.6e4);
    EXPECT_EQ(before.since(now).spans(), 1u) << "it began anew";
    now.add(before);
    EXPECT_EQ(now.spans(), 3u);
    EXPECT_EQ(now.errors, 2u);
    EXPECT_DOUBLE_EQ(now.nanoseconds, 1'000'020);
}

TEST(OperationCountsTest, FewBucketsAreKept) {
    EXPECT_EQ(of({1'000'000'000}).buckets.size(), 1u);
    OperationCounts counts = of({1'000'000});
    counts.add(0, std::vector<uint64_t>{0, 0, 0, 5, 0, 1, 0});
    EXPECT_EQ(counts.first, 3u) << "nothing before the first that there is";
    EXPECT_EQ(counts.spans(), 7u);
    counts.add(600, std::vector<uint64_t>(40));
    EXPECT_LT(counts.buckets.size(), 597u) << "nothing came";
}

TEST(OperationCountsTest, SumsAndDifferencesGoByTheBucketWhereverTheyBegin) {
    std::mt19937_64 chance(10);
    const auto some = [&] {
        OperationCounts counts;
        for (uint64_t i = chance() % 6; i != 0; --i) counts.add(chance() >> (chance() % 64), chance() % 2 == 0);
        return counts;
    };
    const auto shown = [](const OperationCounts& counts) {
        std::vector<std::pair<uint64_t, uint64_t>> list;
        for (const auto& bucket : counts.histogram()) list.emplace_back(bucket.to, bucket.count);
        return list;
    };
    for (int round = 0; round < 2'000; ++round) {
        const OperationCounts a = some(), b = some();
        OperationCounts ab = a, ba = b;
        ab.add(b);
        ba.add(a);
        ASSERT_EQ(shown(ab), shown(ba));
        ASSERT_EQ(shown(ab.since(a)), shown(b));
        ASSERT_EQ(shown(ab.since(ab)), shown({}));
        ASSERT_EQ(ab.quantile(0.5), ba.quantile(0.5));
    }
}

TEST(OperationCountsTest, ColumnsHaveAllOfIt) {
    const OperationCounts counts = of({2, 20, 200, 2000});
    EXPECT_EQ(counts.columns(4, 1, 10'000), std::vector<uint64_t>(4, 1));
    EXPECT_EQ(counts.columns(2, 5, 5), (std::vector<uint64_t>{4, 0})) << "no room between them";
}

}  // namespace
}  // namespace spanring::agent
