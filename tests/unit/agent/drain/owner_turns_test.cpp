// SPDX-License-Identifier: Apache-2.0
#include "drain/owner_turns.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

constexpr uid_t kAlice = 1, kBob = 2;

TEST(OwnerTurns, GiveEachOwnerSoManyBytesOfAPass) {
    OwnerTurns turns(true);
    turns.took(kBob, OwnerTurns::kBytesInAPass - 1);
    EXPECT_EQ(turns.bytes_left(kBob), 1u);
    turns.took(kBob, 100);  // a portion is taken whole
    EXPECT_EQ(turns.bytes_left(kBob), 0u);
    EXPECT_EQ(turns.bytes_left(kAlice), OwnerTurns::kBytesInAPass);
    turns.begin_pass();
    EXPECT_EQ(turns.bytes_left(kBob), OwnerTurns::kBytesInAPass);
}

TEST(OwnerTurns, LetNobodySendWhatIsInTheMakingAllTheTime) {
    OwnerTurns turns(true);
    TokenBucket::Time now{};
    int flushes = 0;
    for (int i = 0; i < 20'000; ++i, now += std::chrono::microseconds(500)) flushes += turns.may_flush(kBob, now);
    EXPECT_NEAR(flushes, OwnerTurns::kFlushesAtOnce + 10 * OwnerTurns::kFlushesASecond, 2);
    EXPECT_TRUE(turns.may_flush(kAlice, now));
}

TEST(OwnerTurns, BoundNobodyWhoIsAlone) {
    OwnerTurns turns(false);
    turns.took(kBob, OwnerTurns::kBytesInAPass);
    EXPECT_GT(turns.bytes_left(kBob), OwnerTurns::kBytesInAPass);
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(turns.may_flush(kBob, {}));
}

}  // namespace
}  // namespace spanring::agent
