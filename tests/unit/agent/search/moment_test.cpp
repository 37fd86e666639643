// SPDX-License-Identifier: Apache-2.0
#include "search/moment.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace spanring::agent::search {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kNow = 1'764'390'600 * kSecond + 5;  // 2025-11-29 04:30:00 UTC

class MomentTest : public testing::Test {
protected:
    MomentTest() {
        ::setenv("TZ", "UTC", 1);
        ::tzset();
    }
};

TEST_F(MomentTest, HowLongAgo) {
    EXPECT_EQ(parse_moment("15m", kNow), kNow - 900 * kSecond);
    EXPECT_EQ(parse_moment("0s", kNow), kNow);
    EXPECT_EQ(parse_moment("90d", 5), 0u) << "there is nothing before";
}

TEST_F(MomentTest, When) {
    EXPECT_EQ(parse_moment("2025-11-29 04:30:00", kNow), kNow - 5);
    EXPECT_EQ(parse_moment("2025-11-29T04:30", kNow), kNow - 5);
    EXPECT_EQ(parse_moment("2025-11-29 04:30:00.25", kNow), kNow - 5 + kSecond / 4);
    EXPECT_EQ(parse_moment("04:29", kNow), kNow - 5 - 60 * kSecond) << "of today";
    EXPECT_EQ(parse_moment("2025-11-29", kNow), kNow - 5 - (4 * 60 + 30) * 60 * kSecond);
}

TEST_F(MomentTest, WhatIsNeither) {
    for (const char* text : {"", "soon", "2025-11-29 04:30:00.", "2025-11-29 04:30 in the morning", "25:00", "-5m"}) {
        EXPECT_FALSE(parse_moment(text, kNow)) << text;
    }
}

}  // namespace
}  // namespace spanring::agent::search
