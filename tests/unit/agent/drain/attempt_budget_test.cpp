// SPDX-License-Identifier: Apache-2.0
#include "drain/attempt_budget.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

using Answer = AttemptBudget::Answer;
constexpr uid_t kAlice = 1, kBob = 2;
constexpr auto kListing = AttemptOrigin::kListing;
constexpr auto kHint = AttemptOrigin::kHint;

TEST(AttemptBudget, IsSoManyOfEachOwnerInAPass) {
    AttemptBudget budget;
    for (size_t i = 0; i < AttemptBudget::kMostInAPass; ++i) EXPECT_EQ(budget.ask(kBob, kListing, {}), Answer::kNow);
    EXPECT_EQ(budget.ask(kBob, kListing, {}), Answer::kNextPass);
    EXPECT_EQ(budget.ask(kAlice, kListing, {}), Answer::kNow);
    budget.begin_pass();
    EXPECT_EQ(budget.ask(kBob, kListing, {}), Answer::kNow);
}

TEST(AttemptBudget, IsSoManyFailuresOfEachOwnerInASecond) {
    AttemptBudget budget;
    AttemptBudget::Time now{};
    const auto fail = [&](int count) {
        for (int i = 0; i < count; ++i) budget.failed(kBob, kListing, now);
    };
    fail(AttemptBudget::kFailuresAtOnce);
    EXPECT_EQ(budget.ask(kBob, kListing, now), Answer::kLater);
    EXPECT_EQ(budget.ask(kBob, kHint, now), Answer::kNow) << "what is new comes by a hint";
    EXPECT_EQ(budget.ask(kAlice, kListing, now), Answer::kNow);
    now += std::chrono::milliseconds(100);
    EXPECT_EQ(budget.ask(kBob, kListing, now), Answer::kNow);
    fail(AttemptBudget::kFailuresASecond / 10);
    EXPECT_EQ(budget.ask(kBob, kListing, now), Answer::kLater);
}

}  // namespace
}  // namespace spanring::agent
