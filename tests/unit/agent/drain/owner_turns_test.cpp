// SPDX-License-Identifier: Apache-2.0
#include "drain/owner_turns.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace spanring::agent {
namespace {

constexpr uid_t kAlice = 1, kBob = 2;
constexpr uint64_t kQueue = 64u << 20;

TEST(OwnerTurns, GiveEachOwnerSoManyBytesOfAPass) {
    OwnerQueues queues(true, kQueue);
    OwnerTurns turns(queues);
    turns.took(kBob, OwnerTurns::kBytesInAPass - 1, 0);
    EXPECT_EQ(turns.bytes_left(kBob), 1u);
    turns.took(kBob, 100, 0);  // a portion is taken whole
    EXPECT_EQ(turns.bytes_left(kBob), 0u);
    EXPECT_EQ(turns.bytes_left(kAlice), OwnerTurns::kBytesInAPass);
    turns.begin_pass();
    EXPECT_EQ(turns.bytes_left(kBob), OwnerTurns::kBytesInAPass);
}

TEST(OwnerTurns, LetNobodyFillTheQueues) {
    OwnerQueues queues(true, kQueue);
    OwnerTurns turns(queues);
    uint64_t bobs = 0;
    for (uint64_t serial = 1; serial < 1000; ++serial) {
        turns.begin_pass();
        const uint64_t left = std::min<uint64_t>(turns.bytes_left(kBob), 1u << 20);
        turns.took(kBob, left, serial);
        bobs += left;
    }
    EXPECT_NEAR(static_cast<double>(bobs), kQueue * 0.8, kQueue * 0.02);
    EXPECT_TRUE(turns.waits_for_answers(kBob));
    EXPECT_EQ(turns.bytes_left(kAlice), OwnerTurns::kBytesInAPass);
    EXPECT_FALSE(turns.waits_for_answers(kAlice));
    for (uint64_t serial = 1; serial < 1000; ++serial) queues.answered(serial);
    EXPECT_EQ(turns.bytes_left(kBob), OwnerTurns::kBytesInAPass);
}

TEST(OwnerTurns, LetNobodySendWhatIsInTheMakingAllTheTime) {
    OwnerQueues queues(true, kQueue);
    OwnerTurns turns(queues);
    TokenBucket::Time now{};
    int flushes = 0;
    for (int i = 0; i < 20'000; ++i, now += std::chrono::microseconds(500)) flushes += queues.may_flush(kBob, now);
    EXPECT_NEAR(flushes, OwnerQueues::kFlushesAtOnce + 10 * OwnerQueues::kFlushesASecond, 2);
    EXPECT_TRUE(queues.may_flush(kAlice, now));
}

TEST(OwnerTurns, OfAllThreadsTogetherLetNobodyFillTheQueues) {
    OwnerQueues queues(true, kQueue);
    OwnerTurns first(queues), second(queues);
    uint64_t serial = 0;
    for (OwnerTurns* turns : {&first, &second}) {
        for (uint64_t left = 1; left != 0; ++serial) {
            turns->begin_pass();
            left = turns->bytes_left(kBob);
            turns->took(kBob, left, serial + 1);
        }
    }
    EXPECT_TRUE(first.waits_for_answers(kBob));
    EXPECT_EQ(second.bytes_left(kAlice), OwnerTurns::kBytesInAPass);
    for (; serial != 0; --serial) queues.answered(serial);
    EXPECT_EQ(first.bytes_left(kBob), OwnerTurns::kBytesInAPass);
}

TEST(OwnerTurns, BoundNobodyWhoIsAlone) {
    OwnerQueues queues(false, kQueue);
    OwnerTurns turns(queues);
    turns.took(kBob, OwnerTurns::kBytesInAPass, 0);
    EXPECT_GT(turns.bytes_left(kBob), OwnerTurns::kBytesInAPass);
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(queues.may_flush(kBob, {}));
}

}  // namespace
}  // namespace spanring::agent
