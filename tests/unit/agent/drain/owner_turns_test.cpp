// SPDX-License-Identifier: Apache-2.0
#include "drain/owner_turns.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace spanring::agent {
namespace {

constexpr uid_t kAlice = 1, kBob = 2;
constexpr uint64_t kQueue = 64u << 20;

TEST(OwnerTurns, GiveEachOwnerSoManyBytesOfAPass) {
    OwnerTurns turns(true, kQueue);
    turns.took(kBob, OwnerTurns::kBytesInAPass - 1, 0);
    EXPECT_EQ(turns.bytes_left(kBob), 1u);
    turns.took(kBob, 100, 0);  // a portion is taken whole
    EXPECT_EQ(turns.bytes_left(kBob), 0u);
    EXPECT_EQ(turns.bytes_left(kAlice), OwnerTurns::kBytesInAPass);
    turns.begin_pass();
    EXPECT_EQ(turns.bytes_left(kBob), OwnerTurns::kBytesInAPass);
}

TEST(OwnerTurns, LetNobodyFillTheQueues) {
    OwnerTurns turns(true, kQueue);
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
    for (uint64_t serial = 1; serial < 1000; ++serial) turns.answered(serial);
    EXPECT_EQ(turns.bytes_left(kBob), OwnerTurns::kBytesInAPass);
}

TEST(OwnerTurns, LetNobodySendWhatIsInTheMakingAllTheTime) {
    OwnerTurns turns(true, kQueue);
    TokenBucket::Time now{};
    int flushes = 0;
    for (int i = 0; i < 20'000; ++i, now += std::chrono::microseconds(500)) flushes += turns.may_flush(kBob, now);
    EXPECT_NEAR(flushes, OwnerTurns::kFlushesAtOnce + 10 * OwnerTurns::kFlushesASecond, 2);
    EXPECT_TRUE(turns.may_flush(kAlice, now));
}

TEST(OwnerTurns, BoundNobodyWhoIsAlone) {
    OwnerTurns turns(false, kQueue);
    turns.took(kBob, OwnerTurns::kBytesInAPass, 0);
    EXPECT_GT(turns.bytes_left(kBob), OwnerTurns::kBytesInAPass);
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(turns.may_flush(kBob, {}));
}

}  // namespace
}  // namespace spanring::agent
