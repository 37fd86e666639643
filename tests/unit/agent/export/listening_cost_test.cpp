// SPDX-License-Identifier: Apache-2.0
#include "export/listening_cost.hpp"

#include <gtest/gtest.h>

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;

TEST(ListeningCostTest, IsTooMuchWithoutARequest) {
    ListeningCost cost;
    cost.spend(40ms);
    EXPECT_FALSE(cost.end_period());
    cost.spend(40ms);
    EXPECT_FALSE(cost.end_period()) << "each period by itself";
    cost.spend(60ms);
    EXPECT_TRUE(cost.end_period());
    EXPECT_FALSE(cost.end_period());
}

TEST(ListeningCostTest, IsWhatTheRequestsAccountFor) {
    ListeningCost cost;
    cost.attempt_started(4 << 20);  // some 420 ms, for gzip
    for (int period = 0; period < 3; ++period) {
        cost.spend(50ms + 140ms);
        EXPECT_FALSE(cost.end_period()) << period;
    }
    cost.spend(50ms + 140ms);
    EXPECT_TRUE(cost.end_period()) << "used up";
}

TEST(ListeningCostTest, HasABoundForWhatAnHonestPastAllows) {
    ListeningCost cost;
    for (int request = 0; request < 1000; ++request) cost.attempt_started(4 << 20);
    cost.spend(6s);
    EXPECT_TRUE(cost.end_period());
}

}  // namespace
}  // namespace spanring::agent::test
