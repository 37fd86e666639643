// SPDX-License-Identifier: Apache-2.0
#include "base/log_pace.hpp"

#include <gtest/gtest.h>

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;

TEST(LogPaceTest, LetsOneThroughInItsPauseAndCountsTheOthers) {
    LogPace pace;
    const LogPace::Time now = std::chrono::steady_clock::now();
    EXPECT_EQ(pace.due(now), "");
    EXPECT_EQ(pace.due(now), std::nullopt);
    EXPECT_EQ(pace.due(now + 9s), std::nullopt);
    EXPECT_EQ(pace.due(now + 10s), " (and 2 times more since the last such line)");
    EXPECT_EQ(pace.due(now + 25s), "");
}

}  // namespace
}  // namespace spanring::agent::test
