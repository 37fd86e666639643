// SPDX-License-Identifier: Apache-2.0
#include "decide/decision_memory.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

using std::chrono::milliseconds;

constexpr DecisionMemory::Time kNow{std::chrono::hours(1)};
constexpr Decision kKept{true, 1};
constexpr Decision kDropped{false, 2};

TEST(DecisionMemory, RemembersForAWhile) {
    DecisionMemory memory(10, 10, milliseconds(100));
    memory.add({1, 1}, kKept, kNow);
    memory.add({2, 1}, kDropped, kNow + milliseconds(50));
    EXPECT_EQ(memory.find({1, 1}, kNow + milliseconds(99)), kKept);
    EXPECT_EQ(memory.find({1, 1}, kNow + milliseconds(100)), std::nullopt);
    EXPECT_EQ(memory.find({2, 1}, kNow + milliseconds(100)), kDropped);
    EXPECT_EQ(memory.find({2, 2}, kNow + milliseconds(100)), std::nullopt);
    EXPECT_EQ(memory.find({2, 1}, kNow + milliseconds(150)), std::nullopt);
    EXPECT_EQ(memory.size(), 0u);
}

TEST(DecisionMemory, ManyDroppedTracesDoNotMakeItForgetKeptOnes) {
    DecisionMemory memory(2, 3, milliseconds(100));
    memory.add({1, 0}, kKept, kNow);
    for (uint64_t i = 0; i < 10; ++i) memory.add({2, i}, kDropped, kNow);
    EXPECT_EQ(memory.size(), 4u);
    EXPECT_EQ(memory.find({1, 0}, kNow), kKept);
    EXPECT_EQ(memory.find({2, 6}, kNow), std::nullopt);
    EXPECT_EQ(memory.find({2, 7}, kNow), kDropped);
    memory.add({1, 1}, kKept, kNow);
    memory.add({1, 2}, kKept, kNow);
    EXPECT_EQ(memory.find({1, 0}, kNow), std::nullopt);
    EXPECT_EQ(memory.find({1, 1}, kNow), kKept);
}

}  // namespace
}  // namespace spanring::agent
