// SPDX-License-Identifier: Apache-2.0
#include "drain/purses.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

using namespace std::chrono_literals;

TEST(PursesTest, AreEachOnesOwn) {
    Purses<int> purses(2, 1);
    const Purses<int>::Time now{1h};
    EXPECT_TRUE(purses.of(1, now).try_take(now));
    EXPECT_TRUE(purses.of(1, now).try_take(now));
    EXPECT_FALSE(purses.of(1, now).try_take(now));
    EXPECT_TRUE(purses.of(2, now).try_take(now));
    EXPECT_TRUE(purses.of(1, now + 1s).try_take(now + 1s));
}

TEST(PursesTest, OfWhomNothingWasHeardForLongAreForgotten) {
    Purses<int> purses(2, 1);
    Purses<int>::Time now{1h};
    for (int n = 0; n < 10'000; ++n, now += 100ms) {
        purses.of(n, now).try_take(now);
        ASSERT_LT(purses.size(), 50u) << "ten take one in the second that one takes to come back";
    }
}

TEST(PursesTest, ThatAreNotFullAreKept) {
    Purses<int> purses(1, 0.001);
    const Purses<int>::Time now{1h};
    for (int n = 0; n < 1000; ++n) EXPECT_TRUE(purses.of(n, now).try_take(now));
    for (int n = 0; n < 1000; ++n) EXPECT_FALSE(purses.of(n, now).try_take(now));
}

}  // namespace
}  // namespace spanring::agent
