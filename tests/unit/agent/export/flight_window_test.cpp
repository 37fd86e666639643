// SPDX-License-Identifier: Apache-2.0
#include "export/flight_window.hpp"

#include <gtest/gtest.h>

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kMost = 16000;

class FlightWindowTest : public testing::Test {
protected:
    void fly(size_t bytes, std::chrono::milliseconds time, bool answered = true) {
        window_.begin(this, bytes, now_);
        window_.end(this, now_ += time, answered);
    }
    void answers_take(std::chrono::milliseconds time) {
        for (int i = 0; i < 100; ++i) fly(1, time);
    }

    FlightWindow window_{4, kMost};
    FlightWindow::Time now_{};
};

TEST_F(FlightWindowTest, LetsAQuarterOutWhileAnswersAreQuick) {
    answers_take(100ms);
    EXPECT_EQ(window_.most_bytes(), kMost / 4);
    window_.begin("one", 3000, now_);
    EXPECT_TRUE(window_.takes(1000));
    EXPECT_FALSE(window_.takes(1001));
}

TEST_F(FlightWindowTest, LetsMoreOutInProportionAndNeverMoreThanAll) {
    answers_take(200ms);
    EXPECT_NEAR(static_cast<double>(window_.most_bytes()), kMost / 2, 1);
    answers_take(2000ms);
    EXPECT_EQ(window_.most_bytes(), kMost);
    answers_take(10ms);
    EXPECT_EQ(window_.most_bytes(), kMost / 4);
}

TEST_F(FlightWindowTest, LearnsNothingFromWhatWasNotAnswered) {
    for (int i = 0; i < 100; ++i) fly(1, 10s, false);
    EXPECT_EQ(window_.most_bytes(), kMost / 4);
}

TEST_F(FlightWindowTest, AlwaysLetsOneOut) {
    EXPECT_TRUE(window_.takes(10 * kMost));
    window_.begin("one", 10 * kMost, now_);
    EXPECT_FALSE(window_.takes(0));
    window_.end("one", now_, true);
    EXPECT_TRUE(window_.takes(kMost));
}

TEST_F(FlightWindowTest, BoundsRequestsToo) {
    for (const char* name : {"one", "two", "three", "four"}) {
        EXPECT_TRUE(window_.takes(1));
        window_.begin(name, 1, now_);
    }
    EXPECT_EQ(window_.count(), 4u);
    EXPECT_FALSE(window_.takes(1));
    window_.forget();
    EXPECT_TRUE(window_.empty());
    EXPECT_TRUE(window_.takes(kMost / 4));
}

}  // namespace
}  // namespace spanring::agent::test
