// SPDX-License-Identifier: Apache-2.0
#include "command/page/entrance.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

using Clock = Entrance::Clock;

class PageEntrance : public ::testing::Test {
protected:
    Entrance entrance_;
    Clock::time_point now_ = Clock::now();
};

TEST_F(PageEntrance, ALinkWorksOnce) {
    const std::string token = entrance_.make_link(now_);
    EXPECT_EQ(token.size(), 64u);
    EXPECT_FALSE(entrance_.enter("", now_));
    EXPECT_FALSE(entrance_.enter(token.substr(1), now_));
    EXPECT_FALSE(entrance_.enter(token + "0", now_));
    std::string other = token;
    other.back() = other.back() == '0' ? '1' : '0';
    EXPECT_FALSE(entrance_.enter(other, now_));
    const auto cookie = entrance_.enter(token, now_);
    ASSERT_TRUE(cookie) << "wrong ones do not use it up";
    EXPECT_NE(*cookie, token);
    EXPECT_FALSE(entrance_.enter(token, now_));
    EXPECT_TRUE(entrance_.knows(*cookie, now_));
    EXPECT_FALSE(entrance_.knows(token, now_));
    EXPECT_FALSE(entrance_.knows("", now_));
}

TEST_F(PageEntrance, ALinkIsWorthNothingWhenItIsOldOrAnotherOneIsMade) {
    const std::string old = entrance_.make_link(now_);
    EXPECT_FALSE(entrance_.enter(old, now_ + Entrance::kLinkLives));
    const std::string next = entrance_.make_link(now_);
    EXPECT_NE(old, next);
    EXPECT_FALSE(entrance_.enter(old, now_));
    EXPECT_TRUE(entrance_.enter(next, now_ + Entrance::kLinkLives - std::chrono::seconds(1)));
}

TEST_F(PageEntrance, SessionsEndByTimeAndTheOldestByNumber) {
    std::vector<std::string> cookies;
    for (size_t i = 0; i <= Entrance::kMostSessions; ++i)
        cookies.push_back(*entrance_.enter(entrance_.make_link(now_), now_));
    EXPECT_FALSE(entrance_.knows(cookies[0], now_));
    for (size_t i = 1; i < cookies.size(); ++i) EXPECT_TRUE(entrance_.knows(cookies[i], now_)) << i;
    EXPECT_FALSE(entrance_.knows(cookies.back(), now_ + Entrance::kSessionLives));
}

}  // namespace
}  // namespace spanring::agent
