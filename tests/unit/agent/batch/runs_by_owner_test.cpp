// SPDX-License-Identifier: Apache-2.0
#include "batch/runs_by_owner.hpp"

#include <gtest/gtest.h>

#include "support/batches.hpp"

namespace spanring::agent::test {
namespace {

constexpr uint32_t kAlice = 1001, kBob = 1002;

TEST(RunsByOwnerTest, AreTheSameRunsInTheirOrder) {
    Batch batch;
    const auto alices = producer(1, "alice", kAlice), hers_too = producer(2, "alice", kAlice),
               bobs = producer(3, "bob", kBob);
    for (const auto& by : {bobs, alices, bobs, hers_too}) add_run(batch, by, scope("x"), bytes(2, typical_span(1)), 1);
    const std::vector<OwnerRuns> owners = runs_by_owner(batch.runs);
    ASSERT_EQ(owners.size(), 2u);
    EXPECT_EQ(owners[0].owner, kBob);
    ASSERT_EQ(owners[0].runs.size(), 2u);
    EXPECT_EQ(owners[0].runs[0].bytes.data(), batch.runs[0].bytes.data());
    EXPECT_EQ(owners[0].runs[1].bytes.data(), batch.runs[2].bytes.data());
    EXPECT_EQ(owners[1].owner, kAlice);
    ASSERT_EQ(owners[1].runs.size(), 2u);
    EXPECT_EQ(owners[1].runs[0].producer, alices);
    EXPECT_EQ(owners[1].runs[1].producer, hers_too);
}

TEST(RunsByOwnerTest, OfNothingAreNone) { EXPECT_TRUE(runs_by_owner({}).empty()); }

}  // namespace
}  // namespace spanring::agent::test
