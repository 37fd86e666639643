// SPDX-License-Identifier: Apache-2.0
#include "drain/pace.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace spanring::agent {
namespace {

using std::chrono::microseconds;
using Clock = Pace::Clock;

// The pause that settles in where so many bytes come in a microsecond into a ring of so many.
microseconds pause_at(uint64_t bytes_a_microsecond, uint64_t ring = 1 << 20) {
    const PaceLimits limits;
    Pace pace;
    pace.aim_for(ring);
    Clock::time_point now{std::chrono::hours(1)};
    microseconds pause{1000};
    for (int i = 0; i < 50; ++i) {
        pace.looked(limits, bytes_a_microsecond * static_cast<uint64_t>(pause.count()), true, now);
        pause = std::chrono::duration_cast<microseconds>(pace.due() - now);
        now = pace.due();
    }
    return pause;
}

TEST(PaceTest, IsShortUnderLoadAndLongWithout) {
    const PaceLimits limits;
    EXPECT_EQ(pause_at(0), limits.idle);
    EXPECT_EQ(pause_at(10'000), limits.shortest);
    const microseconds million = pause_at(183);  // a million spans of 183 bytes a second
    EXPECT_GE(million, limits.shortest);
    EXPECT_LE(million, microseconds(1100));
    EXPECT_GT(pause_at(18), million);
}

TEST(PaceTest, LeavesMostOfARingFree) {
    for (const uint64_t ring : {1u << 20, 8u << 20, 16u << 20, 256u << 20}) {
        const uint64_t found = 183 * static_cast<uint64_t>(pause_at(183, ring).count());
        EXPECT_GE(found, 180u << 10);
        EXPECT_LE(found, std::max<uint64_t>(ring / 32, 192u << 10)) << ring;
        EXPECT_LE(found, 384u << 10);
    }
    EXPECT_GT(pause_at(183, 16 << 20), pause_at(183, 1 << 20));
}

TEST(PaceTest, ComesBackAtOnceWhenMuchComesAfterNothing) {
    const PaceLimits limits;
    Pace pace;
    const Clock::time_point now{std::chrono::hours(1)};
    for (int i = 0; i < 20; ++i) pace.looked(limits, 0, true, now);
    EXPECT_EQ(pace.due() - now, limits.idle);
    pace.looked(limits, 16 << 20, true, now);
    EXPECT_EQ(pace.due() - now, limits.shortest);
    pace.looked(limits, 16 << 20, false, now);
    EXPECT_TRUE(pace.is_due(now)) << "there was more";
}

TEST(PaceTest, DozesOnlyWhereItMayAndLittleComes) {
    const PaceLimits limits;
    Pace pace;
    const Clock::time_point now{std::chrono::hours(1)};
    for (int i = 0; i < 20; ++i) pace.looked(limits, 1000, true, now);
    EXPECT_FALSE(pace.dozes(limits));
    for (int i = 0; i < 20; ++i) pace.looked(limits, 1000, true, limits.dozing, now);
    EXPECT_TRUE(pace.dozes(limits));
    EXPECT_EQ(pace.due() - now, limits.dozing);
    pace.looked(limits, 16 << 20, true, limits.dozing, now);
    EXPECT_FALSE(pace.dozes(limits)) << "much came";
}

TEST(PaceTest, FindsMoreAtALookWhereItDozes) {
    const PaceLimits limits;
    Pace pace;
    pace.aim_for(16 << 20);
    Clock::time_point now{std::chrono::hours(1)};
    uint64_t found = 0;
    for (int i = 0; i < 50; ++i) {
        const Clock::time_point before = std::exchange(now, pace.due());
        found = 55 * static_cast<uint64_t>(std::chrono::duration_cast<microseconds>(now - before).count());
        pace.looked(limits, found, true, limits.dozing, now);
    }
    EXPECT_TRUE(pace.dozes(limits));
    EXPECT_GT(found, 600u << 10);
    EXPECT_LE(found, 1500u << 10) << "less than the 2 MiB at which its process rings";
}

TEST(PaceTest, TakesALookThatWasCutForOneThatTookLong) {
    const PaceLimits limits;
    const Clock::time_point begin{std::chrono::hours(1)};
    Clock::time_point due[2];
    for (const bool cut : {false, true}) {
        Pace pace;
        pace.aim_for(16 << 20);
        for (int i = 0; i < 20; ++i) pace.looked(limits, 1000, true, limits.dozing, begin);
        const Clock::time_point now = begin + microseconds(100'000);
        if (cut) pace.looked(limits, 1 << 20, false, limits.dozing, now);
        pace.looked(limits, cut ? 1 << 20 : 2 << 20, true, limits.dozing, now);
        due[cut] = pace.due();
    }
    EXPECT_EQ(due[1], due[0]);
}

// All of them are sent with one request.
TEST(PaceTest, LooksAtAllAtOnceOfWhichALookSendsAll) {
    const PaceLimits limits;
    const Clock::time_point due = Clock::time_point{std::chrono::hours(1)} + limits.dozing;
    for (const int late : {-25'000, 0, 70'000, 200'000}) {  // a little early counts
        const Clock::time_point now = due - limits.dozing + microseconds(late);
        Pace pace;
        for (int i = 0; i < 20; ++i) pace.looked(limits, 0, true, limits.dozing, now);
        EXPECT_EQ(pace.due(), due) << late;
    }
}

TEST(PaceTest, KnowsSinceWhenWhatIsFoundMayHaveWaited) {
    const PaceLimits limits;
    Pace pace;
    Clock::time_point now{std::chrono::hours(1)};
    for (auto step : {+[](Pace&at, Clock::time_point when) { at.looked(PaceLimits(), 0, true, when); },
                      +[](Pace&at, Clock::time_point when) { at.looked(PaceLimits(), 1 << 20, false, when); },
                      +[](Pace&at, Clock::time_point when) { at.wake(PaceLimits(), when); },
                      +[](Pace&at, Clock::time_point when) { at.expect(PaceLimits(), when); }}) {
        step(pace, now += std::chrono::seconds(1));
        EXPECT_EQ(pace.looked_at(), now);
    }
    pace.hurry(now + limits.idle);
    EXPECT_EQ(pace.looked_at(), now);
}

TEST(PaceTest, LooksAtManyThatSayLittleTogether) {
    const PaceLimits limits;
    Clock::time_point due{};
    for (const microseconds begin : {microseconds(100), microseconds(2000), microseconds(4900)}) {
        Pace pace;
        const Clock::time_point now = Clock::time_point{std::chrono::hours(1)} + begin;
        for (int i = 0; i < 20; ++i) pace.looked(limits, 0, true, now);
        EXPECT_GE(pace.due() - now, limits.idle);
        EXPECT_TRUE(due == Clock::time_point{} || pace.due() == due);
        due = pace.due();
    }
}

TEST(PaceTest, Hurries) {
    const PaceLimits limits;
    Pace pace;
    const Clock::time_point now{std::chrono::hours(1)};
    pace.looked(limits, 0, true, now);
    EXPECT_FALSE(pace.is_due(now));
    pace.no_later_than(now + microseconds(10));
    EXPECT_EQ(pace.due(), now + microseconds(10));
    pace.hurry(now);
    EXPECT_TRUE(pace.is_due(now));
}

TEST(PaceTest, IsQuietWhereNothingCameForAWhile) {
    const PaceLimits limits;
    Pace pace;
    const Clock::time_point now{std::chrono::hours(1)};
    pace.looked(limits, 100, true, now);
    EXPECT_FALSE(pace.is_quiet(limits, now + limits.awake / 2));
    pace.looked(limits, 0, true, now + limits.awake / 2);
    EXPECT_TRUE(pace.is_quiet(limits, now + limits.awake));
}

TEST(PaceTest, LooksAtOnceAndOftenWhereItWasWoken) {
    const PaceLimits limits;
    Pace pace;
    Clock::time_point now{std::chrono::hours(1)};
    pace.sleep(limits.asleep, now);
    EXPECT_EQ(pace.due() - now, limits.asleep);
    now += limits.asleep / 2;
    pace.wake(limits, now);
    EXPECT_TRUE(pace.is_due(now));
    EXPECT_FALSE(pace.is_quiet(limits, now));
    pace.looked(limits, 0, true, now);
    EXPECT_LE(pace.due() - now, 2 * limits.shortest) << "the span has begun, and is not there yet";
}

}  // namespace
}  // namespace spanring::agent
