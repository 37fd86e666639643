// SPDX-License-Identifier: Apache-2.0
#include "base/standing_trouble.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

TEST(StandingTroubleTest, IsToldWhileItStands) {
    StandingTrouble trouble("receivers.otlp", "not_accepting");
    EXPECT_TRUE(standing_troubles().empty());
    EXPECT_FALSE(trouble.end());
    EXPECT_TRUE(trouble.begin("no descriptors"));
    EXPECT_FALSE(trouble.begin("another word"));
    ASSERT_EQ(standing_troubles().size(), 1u);
    const ToldTrouble told = standing_troubles().front();
    EXPECT_EQ(told.component, "receivers.otlp");
    EXPECT_STREQ(told.reason, "not_accepting");
    EXPECT_EQ(told.what, "no descriptors");
    EXPECT_NE(told.since_unix_nano, 0u);
    EXPECT_TRUE(trouble.end());
    EXPECT_TRUE(standing_troubles().empty());
}

TEST(StandingTroubleTest, GoesWithItsOwner) {
    StandingTrouble other("b", "x");
    other.begin("b");
    {
        StandingTrouble gone("a", "x");
        gone.begin("a");
        EXPECT_EQ(standing_troubles().size(), 2u);
    }
    ASSERT_EQ(standing_troubles().size(), 1u);
    EXPECT_EQ(standing_troubles().front().component, "b");
}

}  // namespace
}  // namespace spanring::agent
