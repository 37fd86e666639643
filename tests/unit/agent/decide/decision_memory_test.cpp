// SPDX-License-Identifier: Apache-2.0
#include "decide/decision_memory.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

using std::chrono::milliseconds;

constexpr DecisionMemory::Time kNow{std::chrono::hours(1)};
constexpr Decision kKept{true, 1};
constexpr Decision kDropped{false, 2};
constexpr uint16_t kSomebody = 1, kAnother = 2;

TEST(DecisionMemory, RemembersForAWhile) {
    DecisionMemory memory(10, 10, milliseconds(100));
    memory.add({1, 1}, kKept, kNow, kSomebody);
    memory.add({2, 1}, kDropped, kNow + milliseconds(50), kSomebody);
    EXPECT_EQ(memory.find({1, 1}, kNow + milliseconds(99)), kKept);
    EXPECT_EQ(memory.find({1, 1}, kNow + milliseconds(100)), std::nullopt);
    EXPECT_EQ(memory.find({2, 1}, kNow + milliseconds(100)), kDropped);
    EXPECT_EQ(memory.find({2, 2}, kNow + milliseconds(100)), std::nullopt);
    EXPECT_EQ(memory.find({2, 1}, kNow + milliseconds(150)), std::nullopt);
    EXPECT_EQ(memory.size(), 0u);
}

TEST(DecisionMemory, ManyDroppedTracesDoNotMakeItForgetKeptOnes) {
    DecisionMemory memory(2, 3, milliseconds(100));
    memory.add({1, 0}, kKept, kNow, kSomebody);
    for (uint64_t i = 0; i < 10; ++i) memory.add({2, i}, kDropped, kNow, kSomebody);
    EXPECT_EQ(memory.size(), 4u);
    EXPECT_EQ(memory.find({1, 0}, kNow), kKept);
    EXPECT_EQ(memory.find({2, 6}, kNow), std::nullopt);
    EXPECT_EQ(memory.find({2, 7}, kNow), kDropped);
    memory.add({1, 1}, kKept, kNow, kSomebody);
    memory.add({1, 2}, kKept, kNow, kSomebody);
    EXPECT_EQ(memory.find({1, 0}, kNow), std::nullopt);
    EXPECT_EQ(memory.find({1, 1}, kNow), kKept);
}

// Late spans of the others follow what was decided of their traces.
TEST(DecisionMemory, WhoseFloodItIsForgetsItsOwn) {
    DecisionMemory memory(10, 10, milliseconds(100));
    memory.add_of_before({0, 0}, kDropped, kNow - milliseconds(50));
    for (uint64_t i = 0; i < 4; ++i) memory.add({2, i}, kDropped, kNow, kAnother);
    for (uint64_t i = 0; i < 1000; ++i) memory.add({1, i}, kDropped, kNow + milliseconds(1), kSomebody);
    EXPECT_EQ(memory.size(), 10u);
    EXPECT_EQ(memory.find({0, 0}, kNow + milliseconds(1)), std::nullopt) << "an agent before decided it";
    for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(memory.find({2, i}, kNow + milliseconds(1)), kDropped);
    EXPECT_EQ(memory.find({1, 999}, kNow + milliseconds(1)), kDropped);
    for (uint64_t i = 4; i < 10; ++i) memory.add({2, i}, kDropped, kNow + milliseconds(2), kAnother);
    EXPECT_EQ(memory.find({2, 4}, kNow + milliseconds(2)), std::nullopt) << "of two who have as much";
    EXPECT_EQ(memory.find({2, 9}, kNow + milliseconds(2)), kDropped);
    EXPECT_EQ(memory.find({2, 9}, kNow + milliseconds(102)), std::nullopt);
    EXPECT_EQ(memory.size(), 0u);
}

}  // namespace
}  // namespace spanring::agent
