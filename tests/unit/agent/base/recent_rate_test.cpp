// SPDX-License-Identifier: Apache-2.0
#include "base/recent_rate.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

using namespace std::chrono_literals;

class RecentRateTest : public testing::Test {
protected:
    void look(uint64_t count, std::chrono::nanoseconds later) { rate_.look(count, now_ += later); }

    RecentRate rate_;
    RecentRate::Time now_{1h};
};

TEST_F(RecentRateTest, IsNothingUntilThereAreTwoLooks) {
    EXPECT_EQ(rate_.per_second(), 0);
    look(500, 0s);
    EXPECT_EQ(rate_.per_second(), 0);
    look(600, 1s);
    EXPECT_EQ(rate_.per_second(), 100);
}

TEST_F(RecentRateTest, ForgetsWhatIsLongAgo) {
    uint64_t count = 0;
    for (int i = 0; i < 100; ++i) look(count += 1000, 1s);
    EXPECT_EQ(rate_.per_second(), 1000);
    for (int i = 0; i < 10; ++i) look(count, 1s);
    EXPECT_EQ(rate_.per_second(), 0);
}

TEST_F(RecentRateTest, WhoAsksAllTheTimeDoesNotShortenTheWindow) {
    uint64_t count = 0;
    for (int i = 0; i < 10; ++i) look(count += 1000, 1s);
    for (int i = 0; i < 1000; ++i) look(count, 1ms);
    EXPECT_GT(rate_.per_second(), 700);
}

TEST_F(RecentRateTest, BeginsAgainWithItsCounter) {
    look(1'000'000, 0s);
    look(10, 1s);
    EXPECT_EQ(rate_.per_second(), 0);
    look(30, 1s);
    EXPECT_EQ(rate_.per_second(), 20);
}

}  // namespace
}  // namespace spanring::agent
