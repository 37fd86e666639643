// SPDX-License-Identifier: Apache-2.0
#include "base/reminder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace spanring::agent {
namespace {

constexpr uint64_t kSecond = 1'000'000'000, kMinute = 60 * kSecond;

// The minutes of those hours, looked at each second, at which it is due.
std::vector<uint64_t> due_at(Reminder& reminder, uint64_t since, uint64_t hours) {
    std::vector<uint64_t> minutes;
    for (uint64_t now = since; now < since + hours * 60 * kMinute; now += kSecond)
        if (reminder.due(since, now)) minutes.push_back((now - since) / kMinute);
    return minutes;
}

TEST(ReminderTest, ComesEverMoreSeldomAndAtLastOnceAnHour) {
    Reminder reminder;
    EXPECT_THAT(due_at(reminder, 1000 * kMinute, 5), testing::ElementsAre(1, 3, 7, 15, 31, 63, 123, 183, 243));
}

TEST(ReminderTest, BeginsAgainWithWhatItRemindsOf) {
    Reminder reminder;
    EXPECT_THAT(due_at(reminder, 1000 * kMinute, 1), testing::ElementsAre(1, 3, 7, 15, 31));
    EXPECT_FALSE(reminder.due(0, 2000 * kMinute));
    EXPECT_THAT(due_at(reminder, 3000 * kMinute, 1), testing::ElementsAre(1, 3, 7, 15, 31));
}

}  // namespace
}  // namespace spanring::agent
