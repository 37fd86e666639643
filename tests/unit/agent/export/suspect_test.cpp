// SPDX-License-Identifier: Apache-2.0
#include "export/suspect.hpp"

#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

Shipment batch(uint64_t sequence) {
    Shipment made;
    made.sequence = sequence;
    return made;
}

Shipment entry(uint64_t file, size_t place) {
    Shipment made;
    made.entry.emplace();
    made.entry->ticket = {0, file, place};
    return made;
}

void fail_over(Suspect& suspect, const Shipment& shipment, uint32_t times = Suspect::kMostFailures) {
    for (uint32_t time = 0; time < times; ++time) {
        suspect.work_on(shipment);
        suspect.blame();
    }
}

TEST(SuspectTest, IsGuiltyAfterThreeInARow) {
    Suspect suspect;
    fail_over(suspect, batch(1), 2);
    EXPECT_FALSE(suspect.is_guilty(batch(1)));
    fail_over(suspect, batch(1), 1);
    EXPECT_TRUE(suspect.is_guilty(batch(1)));
    EXPECT_FALSE(suspect.is_guilty(batch(2)));
}

TEST(SuspectTest, AnotherOneBetweenClearsTheFirst) {
    Suspect suspect;
    fail_over(suspect, batch(1), 2);
    fail_over(suspect, batch(2), 1);
    fail_over(suspect, batch(1), 2);
    EXPECT_FALSE(suspect.is_guilty(batch(1)));
}

TEST(SuspectTest, BlamesNobodyWhoIsNotWorkedOn) {
    Suspect suspect;
    suspect.work_on(batch(1));
    suspect.put_down();
    for (int times = 0; times < 5; ++times) suspect.blame();
    EXPECT_FALSE(suspect.is_guilty(batch(1)));
}

TEST(SuspectTest, KnowsAnEntryByItsPlace) {
    Suspect suspect;
    fail_over(suspect, entry(1, 0));
    EXPECT_TRUE(suspect.is_guilty(entry(1, 0)));
    EXPECT_FALSE(suspect.is_guilty(entry(1, 1)));
    EXPECT_FALSE(suspect.is_guilty(entry(2, 0)));
    EXPECT_FALSE(suspect.is_guilty(batch(0)));
}

}  // namespace
}  // namespace spanring::agent
