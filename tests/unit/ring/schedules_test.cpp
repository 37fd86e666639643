// SPDX-License-Identifier: Apache-2.0
//
// The ring core under the stepping scheduler: every interleaving and every value that a load may see where that is few
// enough, seeded ones elsewhere. Mutants that get an exchange wrong must break; those that get an order wrong are in
// orders_test.cpp.
#include <gtest/gtest.h>

#include "unit/ring/chunk_scenarios.hpp"

namespace spanring::test {
namespace {

// Atomics whose exchange is no exchange: what was loaded is believed.
struct BlindExchanges : CheckedAtomics<> {
    template <class T>
    static bool compare_exchange(T& word, T& expected, T desired, std::memory_order order,
                                 Where where = Where::current()) {
        store(word, desired, order, where);
        expected = desired;
        return true;
    }
};

TEST(ClaimInEveryScheduleTest, HasOneWinner) {
    const Exploration result = explore_all(two_writers_claim<CheckedAtomics<>>);
    EXPECT_EQ(result.broken, "");
    EXPECT_GT(result.executions, 20u);
}

TEST(ClaimInEveryScheduleTest, HasTwoWinnersIfTheExchangeIsNone) {
    EXPECT_NE(explore_all(two_writers_claim<BlindExchanges>).broken, "");
}

TEST(ParkAndAdoptInEveryScheduleTest, KeepWhatWasWritten) {
    const Exploration result = explore_all(park_and_adopt<CheckedAtomics<>>);
    EXPECT_EQ(result.broken, "");
    EXPECT_GT(result.executions, 1000u);
}

TEST(CommitInEveryScheduleTest, ShowsCompleteRecordsAlone) {
    const Exploration result = explore_all(commit_and_read<CheckedAtomics<>>);
    EXPECT_EQ(result.broken, "");
    EXPECT_GT(result.executions, 100u);
}

TEST(FreeAndClaimInEveryScheduleTest, NeverOverwriteWhatIsBeingRead) {
    SegmentMemory memory;
    const Exploration result =
        explore_all([&](Stepper& s, Choices& c) { free_and_claim<CheckedAtomics<>>(memory, s, c); });
    EXPECT_EQ(result.broken, "");
    EXPECT_GT(result.executions, 1000u);
}

TEST(OverwriteInEveryScheduleTest, HasOneWinner) {
    const Exploration result = explore_all(overwrite_and_take<CheckedAtomics<>>);
    EXPECT_EQ(result.broken, "");
    EXPECT_GT(result.executions, 10u);
}

TEST(OverwriteInEveryScheduleTest, HasTwoWinnersIfTheExchangeIsNone) {
    EXPECT_NE(explore_all(overwrite_and_take<BlindExchanges>).broken, "");
}

TEST(OverwriteInEveryScheduleTest, CountsTheSpansThatItOverwroteAndNoOthers) {
    SegmentMemory memory;
    const Exploration result =
        explore_all([&](Stepper& s, Choices& c) { overwrite_after_a_whole_round(memory, s, c); });
    EXPECT_EQ(result.broken, "");
}

TEST(OverwriteInEveryScheduleTest, NeverTearsACopyThatIsBelieved) {
    const Exploration result = explore_all(overwrite_under_a_copy<CheckedAtomics<>>);
    EXPECT_EQ(result.broken, "");
    EXPECT_GT(result.executions, 10u);
}

constexpr uint64_t kSeed = 20240611;
constexpr uint64_t kExecutions = 10000;

TEST(IndexPoolInManySchedulesTest, HandsNoNumberOutTwiceAndLosesNone) {
    EXPECT_EQ(explore_random(kSeed, kExecutions, pools_of_three<CheckedAtomics<>>).broken, "");
}

TEST(IndexPoolInManySchedulesTest, TakesAHeadThatCameBackForTheSameIfOperationsAreNotCounted) {
    EXPECT_NE(explore_random(kSeed, kExecutions, pools_of_three<CheckedAtomics<UncountedHeads>>).broken, "");
}

TEST(IndexPoolInEveryScheduleTest, HasANumberForEach) {
    const Exploration result = explore_all(pool_of_two);
    EXPECT_EQ(result.broken, "");
    EXPECT_GT(result.executions, 100u);
}

}  // namespace
}  // namespace spanring::test
