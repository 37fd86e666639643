// SPDX-License-Identifier: Apache-2.0
#include "ring/index_pool.hpp"

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace spanring::ring {
namespace {

constexpr uint32_t kNone = IndexPool<>::kNone;

class IndexPoolTest : public testing::Test {
protected:
    static constexpr uint32_t kNumbers = 64;
    IndexPoolTest() : next_(kNumbers) { pool_.reset(next_.data()); }

    std::vector<uint32_t> next_;
    IndexPool<> pool_;
};

TEST_F(IndexPoolTest, HandsOutEachNumberOnceAndThenNone) {
    std::set<uint32_t> numbers;
    for (uint32_t i = 0; i < kNumbers; ++i) {
        const uint32_t number = pool_.pop(kNumbers);
        EXPECT_LT(number, kNumbers);
        EXPECT_TRUE(numbers.insert(number).second) << number << " twice";
    }
    EXPECT_EQ(pool_.pop(kNumbers), kNone);
}

TEST_F(IndexPoolTest, HandsOutWhatWasGivenBackLastFirst) {
    const uint32_t first = pool_.pop(kNumbers);
    const uint32_t second = pool_.pop(kNumbers);
    pool_.push(first);
    pool_.push(second);
    EXPECT_EQ(pool_.pop(kNumbers), second) << "it is warm";
    EXPECT_EQ(pool_.pop(kNumbers), first);
}

TEST_F(IndexPoolTest, HandsOutNumberZero) {
    const uint32_t zero = pool_.pop(1);
    EXPECT_EQ(zero, 0u);
    EXPECT_EQ(pool_.pop(1), kNone);
    pool_.push(zero);
    EXPECT_EQ(pool_.pop(1), 0u);
}

TEST_F(IndexPoolTest, HasNothingWhileItsLimitIsZero) { EXPECT_EQ(pool_.pop(0), kNone); }

TEST_F(IndexPoolTest, GrowsWithItsLimit) {
    EXPECT_EQ(pool_.pop(1), 0u);
    EXPECT_EQ(pool_.pop(1), kNone);
    EXPECT_EQ(pool_.pop(2), 1u);
    EXPECT_EQ(pool_.pop(2), kNone);
}

TEST_F(IndexPoolTest, StartsAnewAfterAReset) {
    pool_.pop(kNumbers);
    pool_.pop(kNumbers);
    pool_.reset(next_.data());
    EXPECT_EQ(pool_.pop(kNumbers), 0u);
}

// Each number guards plain memory: what one holder wrote the next one reads, so that TSan sees a missing order.
TEST(IndexPoolThreadsTest, NeverHandTheSameNumberToTwo) {
    constexpr uint32_t kNumbers = 6;
    constexpr int kThreads = 4;
    constexpr int kRounds = 20000;
    std::vector<uint32_t> next(kNumbers);
    IndexPool<> pool;
    pool.reset(next.data());
    struct Thing {
        int holder = -1;  // plain, on purpose
        uint64_t uses = 0;
    };
    std::vector<Thing> things(kNumbers);
    std::atomic<uint64_t> taken{0}, doubled{0};
    std::atomic<uint32_t> limit{2};
    std::vector<std::thread> threads;
    for (int me = 0; me < kThreads; ++me)
        threads.emplace_back([&, me] {
            for (int round = 0; round < kRounds; ++round) {
                if (round == kRounds / 4) limit = kNumbers;
                uint32_t held[2] = {pool.pop(limit), pool.pop(limit)};
                for (const uint32_t number : held) {
                    if (number == kNone) continue;
                    if (things[number].holder != -1) ++doubled;
                    things[number].holder = me;
                    ++things[number].uses;
                    ++taken;
                }
                for (const uint32_t number : held) {
                    if (number == kNone) continue;
                    if (things[number].holder != me) ++doubled;
                    things[number].holder = -1;
                    pool.push(number);
                }
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(doubled, 0u);
    uint64_t uses = 0;
    for (const Thing& thing : things) uses += thing.uses;
    EXPECT_EQ(uses, taken);
    EXPECT_GT(taken, 0u);
    std::set<uint32_t> all;
    for (uint32_t i = 0; i < kNumbers; ++i) all.insert(pool.pop(kNumbers));
    EXPECT_EQ(all.size(), kNumbers);
    EXPECT_FALSE(all.contains(kNone)) << "a number was lost";
}

}  // namespace
}  // namespace spanring::ring
