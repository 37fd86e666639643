// SPDX-License-Identifier: Apache-2.0
#include "export/flight_window.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

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
        for (int i = 0; i < 100; ++i) fly(1000, time);
    }
    bool takes(size_t bytes) const { return window_.takes(bytes, now_); }

    static const void* name(int number) {
        return reinterpret_cast<const void*>(uintptr_t{1} + static_cast<uintptr_t>(number));
    }

    // There is always more to send; the backend takes so many bytes a second, one request after the other, and is so
    // far away. Returns the most that was in flight in the last half of `rounds` answers.
    uint64_t overload(int rounds, uint64_t bytes_a_second, std::chrono::milliseconds distance, size_t request) {
        struct Sent {
            int number;
            FlightWindow::Time arrives;
        };
        std::deque<Sent> sent;
        FlightWindow::Time free = now_;
        uint64_t most = 0;
        FlightWindow::Time half{};
        for (int round = 0; round < rounds; ++round) {
            while (takes(request)) {
                window_.begin(name(number_), request, now_);
                free = std::max(free, now_ + distance / 2) +
                       std::chrono::nanoseconds(request * 1'000'000'000 / bytes_a_second);
                sent.push_back({number_++, free + distance / 2});
            }
            if (round == rounds / 2) half = now_;
            if (round > rounds / 2) most = std::max<uint64_t>(most, sent.size() * request);
            now_ = std::max(now_, sent.front().arrives);
            window_.end(name(sent.front().number), now_, true);
            sent.pop_front();
        }
        rate_ = static_cast<double>(request) * rounds / 2 / std::chrono::duration<double>(now_ - half).count();
        for (const Sent& one : sent) window_.end(name(one.number), now_ = std::max(now_, one.arrives), true);
        return most;
    }

    FlightWindow window_{4, kMost};
    FlightWindow::Time now_{};
    int number_ = 0;
    double rate_ = 0;  // bytes a second, in the last half of an overload
};

TEST_F(FlightWindowTest, LetsAQuarterOutWhileAnswersAreQuick) {
    answers_take(100ms);
    EXPECT_EQ(window_.most_bytes(), kMost / 4);
    window_.begin("one", 3000, now_);
    EXPECT_TRUE(takes(1000));
    EXPECT_FALSE(takes(1001));
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

TEST_F(FlightWindowTest, KeepsNothingWaitingAtTheDoorOfASlowBackend) {
    window_ = FlightWindow(100, 1'000'000);
    // 20 ms a request: a second one is sent while the first is answered, and more would wait there.
    EXPECT_EQ(overload(1000, 500'000, 2ms, 10'000), 20'000u);
}

TEST_F(FlightWindowTest, FillsTheWayToADistantBackend) {
    window_ = FlightWindow(10'000, 100'000'000);
    // 2 s there and back, and ten million bytes a second: 20 million are on their way at least, else it would be idle.
    EXPECT_GE(overload(100'000, 10'000'000, 2000ms, 10'000), 20'000'000u);
    EXPECT_GT(rate_, 0.9 * 10'000'000) << "too much idle for the sake of measuring";
}

TEST_F(FlightWindowTest, FollowsABackendThatGetsFasterOrMovesAway) {
    window_ = FlightWindow(10'000, 100'000'000);
    fly(10'000, 22ms);
    EXPECT_EQ(overload(1000, 500'000, 2ms, 10'000), 20'000u);
    EXPECT_GE(overload(20'000, 10'000'000, 500ms, 10'000), 5'000'000u);
    EXPECT_EQ(overload(10'000, 500'000, 2ms, 10'000), 20'000u);
}

TEST_F(FlightWindowTest, DoesNotJudgeLargeRequestsByTheAnswersToSmallOnes) {
    for (int i = 0; i < 100; ++i) fly(10, 1ms);
    for (int i = 0; i < 16; ++i) {
        window_.begin(name(i), 2000, now_);
        window_.end(name(i), now_ += 300ms, true);
    }
    EXPECT_NEAR(static_cast<double>(window_.most_bytes()), 0.75 * kMost, 1);
}

TEST_F(FlightWindowTest, LetsRequestsOfAllSizesOutTogether) {
    window_ = FlightWindow(1000, 100'000'000);
    // One in eight is large, and those that fly alone are small ones; a backend that has time for all at once.
    fly(10, 50ms);
    size_t most = 0;
    for (int turn = 0; turn < 200; ++turn) {
        std::vector<int> flying;
        for (int i = 0; takes(i % 8 == 1 ? 10'000 : 10) && i < 100; ++i) {
            flying.push_back(number_);
            window_.begin(name(number_++), i % 8 == 1 ? 10'000 : 10, now_);
        }
        most = std::max(most, flying.size());
        now_ += 50ms;
        for (const int flight : flying) window_.end(name(flight), now_, true);
    }
    EXPECT_GE(most, 50u);
}

TEST_F(FlightWindowTest, AlwaysLetsOneOut) {
    EXPECT_TRUE(takes(10 * kMost));
    window_.begin("one", 10 * kMost, now_);
    EXPECT_FALSE(takes(0));
    window_.end("one", now_, true);
    EXPECT_TRUE(takes(kMost));
}

TEST_F(FlightWindowTest, BoundsRequestsToo) {
    for (const char* name : {"one", "two", "three", "four"}) {
        EXPECT_TRUE(takes(1));
        window_.begin(name, 1, now_);
    }
    EXPECT_EQ(window_.count(), 4u);
    EXPECT_FALSE(takes(1));
    window_.forget();
    EXPECT_TRUE(window_.empty());
    EXPECT_TRUE(takes(kMost / 4));
}

}  // namespace
}  // namespace spanring::agent::test
