// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "drain/flush_tickets.hpp"

namespace spanring::agent {
namespace {

TEST(FlushTicketsTest, HaveNothingToDoUntilOneAsks) {
    FlushTickets tickets;
    EXPECT_EQ(tickets.next(), std::nullopt);
    EXPECT_FALSE(tickets.waiting());
    EXPECT_TRUE(tickets.served(0));
    EXPECT_FALSE(tickets.served(1));
}

TEST(FlushTicketsTest, AreServedTogetherByThePassThatStandsForThem) {
    FlushTickets tickets;
    const uint64_t first = tickets.ask(), second = tickets.ask();
    EXPECT_NE(first, second);
    ASSERT_EQ(tickets.next(), second);
    tickets.submitted(*tickets.next(), 7);
    EXPECT_EQ(tickets.next(), std::nullopt);
    EXPECT_TRUE(tickets.waiting());
    EXPECT_EQ(tickets.barrier(), 7u);
    EXPECT_FALSE(tickets.served(first));
    tickets.serve();
    EXPECT_TRUE(tickets.served(first));
    EXPECT_TRUE(tickets.served(second));
    EXPECT_FALSE(tickets.waiting());
}

TEST(FlushTicketsTest, DoNotTakeAPassForOneThatWasAskedForDuringIt) {
    FlushTickets tickets;
    tickets.ask();
    const uint64_t taken = *tickets.next();
    const uint64_t later = tickets.ask();  // while the pass is under way
    tickets.submitted(taken, 1);
    tickets.serve();
    EXPECT_FALSE(tickets.served(later));
    EXPECT_EQ(tickets.next(), later);
}

TEST(FlushTicketsTest, WaitForTheNewestBarrier) {
    FlushTickets tickets;
    tickets.ask();
    tickets.submitted(*tickets.next(), 3);
    tickets.ask();
    tickets.submitted(*tickets.next(), 9);
    EXPECT_EQ(tickets.barrier(), 9u);
}

}  // namespace
}  // namespace spanring::agent
