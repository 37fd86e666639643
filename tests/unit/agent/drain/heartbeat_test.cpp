// SPDX-License-Identifier: Apache-2.0
//
// Spans that go on and are sent as they are: when, and that nothing else knows of them.
#include "drain/heartbeat.hpp"

#include <gtest/gtest.h>

#include "otlp/span_decoder.hpp"
#include "unit/agent/drain/drain_fixture.hpp"

namespace spanring::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kNow = Heartbeat::Clock::time_point(1h);

TEST(Heartbeat, IsOffWhereNoBoundIsSet) {
    Heartbeat off({}, false);
    EXPECT_FALSE(off.on());
    EXPECT_FALSE(off.beats(kNow, true));
    EXPECT_EQ(off.due(), Heartbeat::Clock::time_point::max());
}

TEST(Heartbeat, ARoundAPeriodOverAll) {
    Heartbeat heartbeat({.open_longer_than = 1s, .period = 10s}, false);
    EXPECT_TRUE(heartbeat.beats(kNow, true));
    EXPECT_EQ(heartbeat.last(), 0u);
    heartbeat.served(3, 0, 100);
    EXPECT_TRUE(heartbeat.beats(kNow, true)) << "goes on, pass by pass";
    EXPECT_EQ(heartbeat.last(), 3u);
    heartbeat.all_served();
    EXPECT_FALSE(heartbeat.beats(kNow + 9s, true));
    EXPECT_EQ(heartbeat.due(), kNow + 10s);
    EXPECT_TRUE(heartbeat.beats(kNow + 10s, true));
    EXPECT_EQ(heartbeat.last(), 0u);
}

TEST(Heartbeat, WhatDoesNotFitIntoARoundComesFirstInTheNext) {
    Heartbeat heartbeat({.open_longer_than = 1s, .period = 10s}, false);
    EXPECT_TRUE(heartbeat.beats(kNow, true));
    heartbeat.served(3, 0, Heartbeat::kBytesOfARound);
    EXPECT_FALSE(heartbeat.beats(kNow, true));
    EXPECT_TRUE(heartbeat.beats(kNow + 10s, true));
    EXPECT_EQ(heartbeat.last(), 3u);
}

TEST(Heartbeat, OfSeveralUsersNoneTakesTheRoundOfTheOthers) {
    Heartbeat heartbeat({.open_longer_than = 1s, .period = 10s}, true);
    EXPECT_TRUE(heartbeat.beats(kNow, true));
    const uint64_t share = heartbeat.bytes_left(1001);
    EXPECT_EQ(share, Heartbeat::kBytesOfARound / 4);
    heartbeat.served(3, 1001, share);
    EXPECT_EQ(heartbeat.bytes_left(1001), 0u);
    EXPECT_EQ(heartbeat.bytes_left(1002), share);
    EXPECT_TRUE(heartbeat.beats(kNow, true));
    heartbeat.all_served();
    EXPECT_TRUE(heartbeat.beats(kNow + 10s, true));
    EXPECT_EQ(heartbeat.bytes_left(1001), share);
}

TEST(Heartbeat, ARoundIsLeftOutWhereTheOneBeforeHasNoAnswer) {
    Heartbeat heartbeat({.open_longer_than = 1s, .period = 10s}, false);
    EXPECT_FALSE(heartbeat.beats(kNow, false));
    EXPECT_FALSE(heartbeat.beats(kNow + 9s, true));
    EXPECT_TRUE(heartbeat.beats(kNow + 10s, true));
}

class HeartbeatTest : public DrainTest {
protected:
    void beat_from(std::chrono::milliseconds open_longer_than, std::chrono::milliseconds period = 1h) {
        DrainOptions with = options();
        with.heartbeat = {open_longer_than, period};
        start(std::move(with));
    }
    DecodedSpan decoded(size_t index) const {
        DecodedSpan span;
        EXPECT_TRUE(decode_span(exporter.spans.at(index).bytes, span));
        return span;
    }
};

TEST_F(HeartbeatTest, SendsWhatIsOpenOnceAPeriodAsItIs) {
    FileImage image(directory);
    const uint32_t scope = image->add_scope("tests");
    image->open_slot(3, test::span_start(7, "open"), scope);
    beat_from(1ms);
    pass();
    ASSERT_EQ(exporter.numbers(), std::vector<uint64_t>{7});
    EXPECT_NE(exporter.spans[0].scope.find("tests"), std::string::npos);
    const DecodedSpan span = decoded(0);
    EXPECT_EQ(span.status_code, 0u);
    EXPECT_GT(span.end_unix_nano, span.start_unix_nano);
    ASSERT_NE(find(span.attributes, "spanring.partial"), nullptr);
    EXPECT_EQ(find(span.attributes, "spanring.partial")->text, "true");
    pass();
    EXPECT_EQ(exporter.spans.size(), 1u) << "not again before the period is over";
}

TEST_F(HeartbeatTest, NothingIsCountedByIt) {
    FileImage image(directory);
    image->open_slot(0, test::span_start(0, "open"));
    beat_from(1ms);
    pass();
    EXPECT_EQ(exporter.spans.size(), 1u);
    EXPECT_EQ(drainer->status().spans, 0u);
    EXPECT_EQ(image->slot_word(0).state, SlotState::kOpen);
    const auto row_where = [&](const auto& is_so) {  // the ledger has a thread of its own
        ProcessRow row;
        pass_until([&] {
            drainer->update_ledger();
            row = ledger.of(image.instance());
            return is_so(row);
        });
        return row;
    };
    const ProcessRow row = row_where([](const ProcessRow& now) { return now.pid == 4242; });
    EXPECT_EQ(row.agent.acknowledged + row.agent.unfinished + row.agent.exporters[0].exported, 0u);
    // And its end is counted as ever.
    image->set_slot_state(0, SlotState::kFree);
    image->claim(0);
    image->commit(0, 0);
    const ProcessRow after = row_where([](const ProcessRow& now) { return now.agent.acknowledged != 0; });
    EXPECT_EQ(after.agent.acknowledged, 1u);
    EXPECT_EQ(after.agent.exporters[0].exported, 1u);
}

TEST_F(HeartbeatTest, NotWhatIsYoungerOrWhatTheDeadLeft) {
    FileImage young(directory), dead(directory);
    young->open_slot(0, test::span_start(0, "young")).start_unix_nano = ~uint64_t{0} >> 1;
    dead->open_slot(0, test::span_start(1, "left open"));
    dead.die();
    beat_from(1ms);
    pass_until([&] { return !directory.has(dead.name()); });
    EXPECT_EQ(exporter.numbers(), std::vector<uint64_t>{1});
    EXPECT_EQ(find(decoded(0).attributes, "spanring.partial"), nullptr);
}

TEST_F(HeartbeatTest, OfAllProcessesAndBesideSpansThatEnd) {
    FileImage one(directory), other(directory);
    one->open_slot(0, test::span_start(10, "open"));
    other->open_slot(0, test::span_start(11, "open"));
    one->claim(0);
    one->commit(0, 0);
    beat_from(1ms);
    pass();
    std::vector<uint64_t> numbers = exporter.numbers();
    std::sort(numbers.begin(), numbers.end());
    EXPECT_EQ(numbers, (std::vector<uint64_t>{0, 10, 11}));
    for (const uint32_t size : exporter.sizes) EXPECT_EQ(size, 1u) << "never in one batch with what has ended";
}

TEST_F(HeartbeatTest, ASlotOfNoiseIsLeftOut) {
    FileImage image(directory);
    image->open_slot(0, test::Bytes(100, 0xff));
    image->open_slot(1, test::span_start(1, "open"));
    beat_from(1ms);
    pass();
    EXPECT_EQ(exporter.numbers(), std::vector<uint64_t>{1});
}

}  // namespace
}  // namespace spanring::agent
