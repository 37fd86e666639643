// SPDX-License-Identifier: Apache-2.0
#include "export/open_batches.hpp"

#include <gtest/gtest.h>

#include <future>
#include <utility>

#include "support/watchdog.hpp"

namespace spanring::agent {
namespace {

using Clock = std::chrono::steady_clock;

bool closed_now(OpenBatches& batches) { return batches.wait(Clock::now()); }

TEST(OpenBatchesTest, NumbersThemInOrder) {
    OpenBatches batches;
    const uint64_t first = batches.open();
    EXPECT_EQ(batches.open(), first + 1);
    EXPECT_EQ(batches.open(), first + 2);
}

TEST(OpenBatchesTest, NothingOpenIsNothingToWaitFor) {
    OpenBatches batches;
    EXPECT_TRUE(closed_now(batches));
    batches.close(batches.open());
    EXPECT_TRUE(closed_now(batches));
}

TEST(OpenBatchesTest, WaitsForAllInWhateverOrderTheyClose) {
    OpenBatches batches;
    const uint64_t first = batches.open(), second = batches.open(), third = batches.open();
    batches.close(second);
    EXPECT_FALSE(closed_now(batches));
    batches.close(third);
    EXPECT_FALSE(closed_now(batches));
    batches.close(first);
    EXPECT_TRUE(closed_now(batches));
}

TEST(OpenBatchesTest, DoesNotWaitForWhatIsOpenedAfterwards) {
    OpenBatches batches;
    uint64_t newest = batches.open();
    auto waiting = std::async(std::launch::async, [&] { return batches.wait(test::watchdog()); });
    // One is open at every moment; whenever the wait began, it ends.
    while (waiting.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {
        const uint64_t next = batches.open();
        batches.close(std::exchange(newest, next));
    }
    EXPECT_TRUE(waiting.get());
}

}  // namespace
}  // namespace spanring::agent
