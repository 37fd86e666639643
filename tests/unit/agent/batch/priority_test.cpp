// SPDX-License-Identifier: Apache-2.0
#include "batch/priority.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

TEST(PriorityTurnsTest, WhateverWaitsAloneIsNext) {
    const PriorityTurns turns(0.8);
    EXPECT_EQ(turns.next(true, false), Priority::kFirst);
    EXPECT_EQ(turns.next(false, true), Priority::kRest);
    EXPECT_EQ(turns.next(true, true), Priority::kFirst);
}

TEST(PriorityTurnsTest, WhileBothWaitEachHasItsShareOfTheBytesHoweverLargeRequestsAre) {
    for (const auto& [first_size, rest_size] : {std::pair<size_t, size_t>{1000, 1000}, {100, 40'000}, {40'000, 100}}) {
        PriorityTurns turns(0.8);
        double first = 0, rest = 0;
        for (int i = 0; i < 100'000; ++i) {
            const Priority next = turns.next(true, true);
            const size_t size = next == Priority::kFirst ? first_size : rest_size;
            turns.took(next, size);
            (next == Priority::kFirst ? first : rest) += static_cast<double>(size);
        }
        EXPECT_NEAR(first / (first + rest), 0.8, 0.02) << first_size << " and " << rest_size;
    }
}

TEST(PriorityTurnsTest, TheRestGetsNothingWhereItsShareIsNothing) {
    PriorityTurns turns(1);
    for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(turns.next(true, true), Priority::kFirst);
        turns.took(Priority::kFirst, 1000);
    }
}

}  // namespace
}  // namespace spanring::agent
