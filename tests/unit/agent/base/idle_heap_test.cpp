// SPDX-License-Identifier: Apache-2.0
#include "base/idle_heap.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

class IdleHeapTest : public ::testing::Test {
protected:
    // So many bytes in the next second.
    bool second(uint64_t bytes) {
        bool is_time = heap.is_time(bytes, now);
        now += IdleHeap::kWindow;
        return is_time;
    }

    IdleHeap heap;
    IdleHeap::Time now{std::chrono::hours(1)};
};

TEST_F(IdleHeapTest, GoesOnceAfterABurst) {
    EXPECT_FALSE(second(IdleHeap::kMuch));
    EXPECT_TRUE(second(0));
    for (int i = 0; i < 5; ++i) EXPECT_FALSE(second(0));
    EXPECT_FALSE(second(IdleHeap::kMuch));
    EXPECT_TRUE(second(IdleHeap::kLittle)) << "a little goes on";
}

TEST_F(IdleHeapTest, StaysWhileMuchComes) {
    for (int i = 0; i < 5; ++i) EXPECT_FALSE(second(IdleHeap::kMuch));
}

TEST_F(IdleHeapTest, StaysWhereThereIsNothingToGiveBack) {
    for (uint64_t came = 0; came + IdleHeap::kLittle < IdleHeap::kMuch; came += IdleHeap::kLittle)
        EXPECT_FALSE(second(IdleHeap::kLittle));
}

TEST_F(IdleHeapTest, CountsWhatComesWithinASecond) {
    second(0);
    now -= IdleHeap::kWindow / 2;
    EXPECT_FALSE(heap.is_time(IdleHeap::kMuch, now));
    now += IdleHeap::kWindow / 2;
    EXPECT_FALSE(second(0)) << "much came in that window";
    EXPECT_TRUE(second(0));
}

}  // namespace
}  // namespace spanring::agent
