// SPDX-License-Identifier: Apache-2.0
#include "drain/drain_exchange.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

namespace spanring::agent {
namespace {

class ExchangeTest : public ::testing::Test {
protected:
    static ServedSegment segment(uint64_t source) {
        ServedSegment served;
        served.source = source;
        return served;
    }
    static SegmentAnswer answer(uint64_t source) {
        SegmentAnswer answer;
        answer.source = source;
        return answer;
    }
    bool rings(size_t thread) {
        pollfd file = {exchange.wake_up(thread).fd(), POLLIN, 0};
        return ::poll(&file, 1, 0) == 1;
    }
    void read_all() {
        for (size_t thread = 0; thread < exchange.threads(); ++thread) {
            exchange.take(thread);
            exchange.wake_up(thread).silence();
        }
    }

    DrainExchange exchange{3};
};

TEST_F(ExchangeTest, GivesANewSegmentToWhoHasTheFewest) {
    for (uint64_t source = 1; source <= 7; ++source) exchange.share_out(segment(source));
    EXPECT_EQ(exchange.take(0).segments.size(), 3u);
    EXPECT_EQ(exchange.take(1).segments.size(), 2u);
    exchange.end(1, segment(2));
    exchange.end(1, segment(5));
    exchange.share_out(segment(8));
    EXPECT_EQ(exchange.take(1).segments.size(), 1u);
    EXPECT_EQ(exchange.take_ended().size(), 2u);
}

TEST_F(ExchangeTest, HintsGoWhereTheSegmentIs) {
    exchange.share_out(segment(1));
    read_all();
    ServedSegment served = segment(1);
    ASSERT_TRUE(exchange.hand_over(0, 2, served));
    EXPECT_TRUE(rings(2));
    exchange.hint(1);
    const DrainLetters letters = exchange.take(2);
    EXPECT_EQ(letters.segments.size(), 1u);
    EXPECT_EQ(letters.hints, std::vector<uint64_t>{1});
    exchange.end(2, segment(1));
    EXPECT_TRUE(rings(DrainExchange::kFirst)) << "it buries";
    exchange.hint(1);
    EXPECT_TRUE(exchange.take(2).empty());
}

// Anybody can make hints, as fast as he likes: they must not hold a segment where it is.
TEST_F(ExchangeTest, HintsThatAreNotReadGoAlong) {
    exchange.share_out(segment(1));
    exchange.share_out(segment(2));
    read_all();
    ServedSegment served = segment(2);
    ASSERT_TRUE(exchange.hand_over(1, 0, served));
    read_all();
    for (const uint64_t source : {1, 2, 1}) exchange.hint(source);
    served = segment(1);
    ASSERT_TRUE(exchange.hand_over(0, 2, served));
    EXPECT_EQ(exchange.take(0).hints, std::vector<uint64_t>{2});
    EXPECT_EQ(exchange.take(2).hints, std::vector<uint64_t>{1});
}

TEST_F(ExchangeTest, ASegmentStaysWhileALetterConcernsIt) {
    exchange.share_out(segment(1));
    read_all();
    ServedSegment served = segment(1);
    exchange.forward(1, answer(1));
    EXPECT_FALSE(exchange.hand_over(0, 1, served)) << "an answer of it";
    read_all();
    exchange.distrust({});
    EXPECT_FALSE(exchange.hand_over(0, 1, served)) << "it may be the one";
    read_all();
    exchange.tell_rules(std::make_shared<SamplingRules>());
    EXPECT_FALSE(exchange.hand_over(0, 1, served)) << "it obeys them too";
    read_all();
    EXPECT_TRUE(exchange.hand_over(0, 1, served));
}

TEST_F(ExchangeTest, AnswersFollowASegmentFromHandToHand) {
    exchange.share_out(segment(1));
    read_all();
    ServedSegment served = segment(1);
    ASSERT_TRUE(exchange.hand_over(0, 1, served));
    exchange.forward(0, answer(1));
    DrainLetters letters = exchange.take(1);
    ASSERT_EQ(letters.answers.size(), 1u);
    ASSERT_TRUE(exchange.hand_over(1, 2, letters.segments.front()));
    exchange.forward(1, std::move(letters.answers.front()));
    ASSERT_EQ(exchange.take(2).answers.size(), 1u);
    exchange.forward(0, answer(2));
    EXPECT_TRUE(exchange.empty()) << "nobody has it";
}

TEST_F(ExchangeTest, TellsAllWhatConcernsAll) {
    exchange.distrust({});
    exchange.tell_rules(std::make_shared<SamplingRules>());
    for (size_t thread = 0; thread < 3; ++thread) {
        EXPECT_TRUE(rings(thread));
        const DrainLetters letters = exchange.take(thread);
        EXPECT_EQ(letters.distrusted.size(), 1u);
        EXPECT_NE(letters.rules, nullptr);
    }
    EXPECT_TRUE(exchange.empty());
}

TEST_F(ExchangeTest, LosesNothingThatManyThreadsLeave) {
    constexpr uint64_t kEach = 1000;
    for (uint64_t source = 1; source <= 3; ++source) exchange.share_out(segment(source));
    read_all();
    std::vector<std::thread> threads;
    for (size_t from = 0; from < 3; ++from) {
        threads.emplace_back([&, from] {
            for (uint64_t i = 0; i < kEach; ++i) exchange.forward(from, answer(1 + i % 3));
        });
    }
    std::vector<size_t> taken(3);
    while (taken[0] + taken[1] + taken[2] != 3 * kEach) {
        for (size_t thread = 0; thread < 3; ++thread) taken[thread] += exchange.take(thread).answers.size();
        std::this_thread::yield();
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(taken[0], 1002u) << "334 of each";
    EXPECT_EQ(taken[2], 999u);
}

}  // namespace
}  // namespace spanring::agent
