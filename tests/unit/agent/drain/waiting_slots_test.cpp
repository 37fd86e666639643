// SPDX-License-Identifier: Apache-2.0
//
// Spans that have ended and wait in their slots: taken once, acknowledged, and their slots given back; by the next
// agent where one is killed, and of the dead.
#include "drain/waiting_slots.hpp"

#include <gtest/gtest.h>

#include "unit/agent/drain/drain_fixture.hpp"

namespace spanring::agent {
namespace {

TEST_F(DrainTest, ExportsASpanThatWaitsAndGivesItsSlotBack) {
    FileImage image(directory);
    image->claim(0);
    image->commit(0, 0);
    start();
    pass();
    image->waiting_slot(3, test::span_start(1, "waits"), 77'000);
    image->waiting_slot(9, test::span_start(2, std::string(1500, 'x')), 78'000);  // in a block
    pass();
    EXPECT_EQ(exporter.numbers(), upto(3));
    EXPECT_EQ(exporter.spans[1].name, "waits");
    for (const uint32_t slot : {3u, 9u}) EXPECT_EQ(image->slot_word(slot), (ring::SlotWord{SlotState::kDone, 0, 0}));
    EXPECT_EQ(image.view().control().done, 2u);

    image->set_slot_state(3, SlotState::kFree);  // the process has it again
    image->waiting_slot(3, test::span_start(3, "again"), 79'000);
    pass();
    EXPECT_EQ(exporter.numbers(), upto(4));
    image.die();
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(exporter.numbers(), upto(4));
    const ProcessRow record = ledger.of(image.instance());
    EXPECT_EQ(record.agent.acknowledged, 4u);
    EXPECT_EQ(record.agent.unfinished, 0u);
    EXPECT_EQ(record.agent.exporters[0].exported, 4u);
    EXPECT_EQ(record.writer[static_cast<size_t>(Counter::kEnded)], 4u);
}

TEST_F(DrainTest, KeepsASlotThatWaitsUntilItIsAcknowledged) {
    FileImage image(directory);
    exporter.answers = false;
    image->waiting_slot(3, test::span_start(0, "waits"), 77'000);
    start();
    pass();
    pass();
    ASSERT_EQ(exporter.waiting.size(), 1u) << "it is sent once";
    EXPECT_EQ(image->slot_word(3).state, SlotState::kWaiting);
    // A killed agent leaves it to the next one.
    drainer.reset();
    exporter.spans.clear();
    exporter.waiting.clear();
    start();
    pass();
    EXPECT_EQ(exporter.numbers(), upto(1));
    while (!exporter.waiting.empty()) exporter.answer(0);
    pass();
    EXPECT_EQ(image->slot_word(3).state, SlotState::kDone);
    image.die();
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(ledger.of(image.instance()).agent.acknowledged, 1u);
}

// Between any two steps of its end: the first was on its way into its slot, of the second the agent was not told.
TEST_F(DrainTest, FindsWhatWaitsInTheSlotsOfTheDead) {
    FileImage image(directory);
    start();
    pass();
    ring::Slot& slot = image->open_slot(3, test::span_start(0, "ending"));
    slot.intent_chunk = ring::kInSlot;
    slot.intent_line = 0;
    slot.intent_word = 77'000;
    slot.intent_ended = 1;
    image->set_slot_state(3, SlotState::kEnding);
    pass();
    EXPECT_EQ(exporter.spans.size(), 0u) << "its process may come to it";
    image->counter(Counter::kEnded) += 1;
    image->waiting_slot(4, test::span_start(1, "silent"), 78'000, true);
    image->counter(Counter::kEnded) = 1;  // what the second one said comes after the first one's intent
    slot.intent_ended = 2;
    image->open_slot(5, test::span_start(2, "open"));
    pass();
    EXPECT_EQ(exporter.spans.size(), 0u);
    image.die();
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(exporter.numbers(), upto(3));
    const ProcessRow record = ledger.of(image.instance());
    EXPECT_EQ(record.writer[static_cast<size_t>(Counter::kEnded)], 2u);
    EXPECT_EQ(record.agent.acknowledged, 2u);
    EXPECT_EQ(record.agent.unfinished, 1u);
}

TEST_F(DrainTest, AFlushWaitsForWhatWaitsInItsSlot) {
    FileImage image(directory);
    exporter.answers = false;
    start();
    pass();
    image->waiting_slot(3, test::span_start(0, "waits"), 77'000);
    image.view().writer().flush_wanted = 1;
    pass();
    ASSERT_EQ(exporter.waiting.size(), 1u);
    EXPECT_EQ(image.view().control().flushed, 0u);
    exporter.answer(0);
    pass();
    EXPECT_EQ(image.view().control().flushed, 1u);
}

TEST_F(DrainTest, AFlushIsServedOnceAllThatWaitedIsTaken) {
    FileImage image(directory);
    for (uint32_t slot = 0; slot < 30; ++slot) image->waiting_slot(slot, test::span_start(slot, "waits"), 77'000);
    image.view().writer().flush_wanted = 1;
    start();
    pass_until([&] { return image.view().control().flushed == 1; });
    EXPECT_EQ(exporter.numbers(), upto(30));
    EXPECT_EQ(image.view().control().done, 30u);
}

TEST_F(DrainTest, GivesUpWhereASpanThatWaitsNamesABlockThatIsNone) {
    FileImage image(directory);
    image->waiting_slot(3, test::span_start(0, "waits"), 77'000);
    image->slot(3).word = ring::SlotWord{SlotState::kWaiting, 1, 100}.pack();
    image->slot(3).blocks[0] = 1;
    start();
    pass();
    EXPECT_EQ(drainer->status().quarantined, 1u);
}

// The agent found it unused; that it is used again nobody counts. Its span has become short, and waits.
TEST_F(DrainTest, ReadsWhatWaitsInAHugePlaceThatIsUsedAgain) {
    FileImage image(directory, {.huge = true});
    constexpr uint32_t kPlace = 3;
    image->take_huge(kPlace);
    uint64_t& word = image.view().extent_word(ring::kFirstHuge + kPlace);
    word = ring::ExtentWord{ring::ExtentKind::kHugeBlock, ring::ExtentMemory::kUnused, 1}.pack();
    start();
    pass();
    word = ring::ExtentWord{ring::ExtentKind::kHugeBlock, ring::ExtentMemory::kWhole, 1}.pack();
    const test::Bytes data = test::span_start(0, "waits");
    std::memcpy(image.view().huge(kPlace), data.data(), data.size());
    image->waiting_slot(5, data, 77'000, true);
    image->slot(5).word =
        ring::SlotWord{SlotState::kWaiting, ring::kBlockClasses + 1 + kPlace, static_cast<uint32_t>(data.size())}
            .pack();
    image.view().writer().waits += 1;
    pass();
    EXPECT_EQ(drainer->status().quarantined, 0u);
    EXPECT_EQ(exporter.numbers(), upto(1));
    EXPECT_EQ(image->slot_word(5).state, SlotState::kDone);
}

// What was read of it counts for the budget of a look, though no span is made of it.
TEST_F(DrainTest, SlotsThatMakeNoSenseDoNotTakeAllOfItsTime) {
    FileImage image(directory, {.huge = true});
    image->take_huge(15);
    const auto size = static_cast<uint32_t>(ring::huge_size(15) - ring::kSpareForEnd);
    std::memset(image.view().huge(15), 0xff, size);
    constexpr uint64_t kSlots = 20;
    for (uint32_t slot = 0; slot < kSlots; ++slot) {
        image->waiting_slot(slot, test::Bytes{0x0a, 0xff, 0x01}, 77'000);
        image->slot(slot).word = ring::SlotWord{SlotState::kWaiting, ring::kBlockClasses + 1 + 15, size}.pack();
    }
    start();
    pass();
    EXPECT_LT(image.view().control().done, kSlots / 2);
    pass_until([&] { return image.view().control().done == kSlots; });
    image.die();
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(ledger.of(image.instance()).agent.exporters[0].dropped_invalid, kSlots);
}

TEST_F(DrainTest, BooksAsInvalidWhatWaitsAndMakesNoSense) {
    FileImage image(directory);
    image->waiting_slot(3, test::Bytes{0x0a, 0xff, 0x01}, 77'000);
    start();
    pass();
    EXPECT_EQ(image->slot_word(3).state, SlotState::kDone);
    image.die();
    pass_until([&] { return !directory.has(image.name()); });
    EXPECT_EQ(ledger.of(image.instance()).agent.exporters[0].dropped_invalid, 1u);
}

}  // namespace
}  // namespace spanring::agent
