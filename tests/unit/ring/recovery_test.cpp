// SPDX-License-Identifier: Apache-2.0
//
// A process dies between any two steps of start, end and drop; recovery says what became of the span, and counts it
// once.
#include <gtest/gtest.h>

#include "ring/recovery.hpp"
#include "support/extents.hpp"
#include "support/segment_image.hpp"

namespace spanring::ring {
namespace {

using test::BufferImage;

struct Found {
    RecoveryFault fault = RecoveryFault::kNone;
    std::vector<uint32_t> open;
};

Found recover(BufferImage& image) {
    Found found;
    const ExtentMap extents = test::extents_of(image.view());
    Recovery<> recovery(image.view(), extents, kCounterLinesPerPage);
    found.fault = recovery.run(found.open);
    return found;
}

// Twice: an agent that is killed during recovery is followed by one that repeats it.
Found recover_twice(BufferImage& image) {
    const Found first = recover(image);
    const Found second = recover(image);
    EXPECT_EQ(first.open, second.open);
    return second;
}

// A span whose end was to commit 100 bytes in chunk 0.
Slot& ending(BufferImage& image) {
    Slot& slot = image->open_slot(5, test::span_start(1, "span"));
    slot.intent_chunk = 0;
    slot.intent_line = 1;
    slot.intent_word = ChunkWord{ChunkState::kOpen, 1, 100, 1}.pack();
    slot.intent_ended = 4;
    image->counter(Counter::kEnded, 1) = 3;
    image->set_slot_state(5, SlotState::kEnding);
    return slot;
}

TEST(RecoveryTest, FindsAnOpenSpanAndCountsItsStart) {
    BufferImage image;
    image->open_slot(5, test::span_start(1, "span"));
    image->counter(Counter::kStarted) = 0;  // died before it was counted
    const Found found = recover_twice(image);
    EXPECT_EQ(found.open, std::vector<uint32_t>{test::kFirstSlot + 5});
    EXPECT_EQ(image->counter(Counter::kStarted), 1u);
    EXPECT_EQ(image->counter(Counter::kEnded), 0u);
}

TEST(RecoveryTest, LeavesCountersThatAreAhead) {
    BufferImage image;
    image->open_slot(5, test::span_start(1, "span"));
    image->counter(Counter::kStarted) = 40;
    recover_twice(image);
    EXPECT_EQ(image->counter(Counter::kStarted), 40u);
}

TEST(RecoveryTest, TakesAnEndForUnfinishedBeforeTheCommit) {
    BufferImage image;
    ending(image);
    image->set_word(0, {ChunkState::kOpen, 1, 6, 0});
    const Found found = recover_twice(image);
    EXPECT_EQ(found.open, std::vector<uint32_t>{test::kFirstSlot + 5});
    EXPECT_EQ(image->slot_word(5).state, SlotState::kOpen);
    EXPECT_EQ(image->counter(Counter::kEnded, 1), 3u);
}

TEST(RecoveryTest, TakesAnEndForCommittedAfterIt) {
    for (const ChunkWord now : {ChunkWord{ChunkState::kOpen, 1, 100, 1},
                                {ChunkState::kFull, 1, 100, 1},
                                {ChunkState::kOpen, 1, 300, 3},
                                {ChunkState::kFree, 1, 0, 0},
                                {ChunkState::kOpen, 2, 6, 0},
                                {ChunkState::kFree, 900, 0, 0}}) {
        BufferImage image;
        ending(image);
        image->set_word(0, now);
        const Found found = recover_twice(image);
        EXPECT_TRUE(found.open.empty());
        EXPECT_EQ(image->slot_word(5).state, SlotState::kFree);
        EXPECT_EQ(image->counter(Counter::kEnded, 1), 4u);
    }
}

TEST(RecoveryTest, CountsADropOnce) {
    for (int counted = 0; counted < 3; ++counted) {
        BufferImage image;
        Slot& slot = image->open_slot(5, test::span_start(1, "span"));
        slot.intent_line = 0;
        slot.intent_ended = 1;
        slot.intent_cause = static_cast<uint32_t>(Counter::kDroppedFull);
        slot.intent_dropped = 1;
        image->set_slot_state(5, SlotState::kDropping);
        if (counted > 0) image->counter(Counter::kDroppedFull) = 1;
        if (counted > 1) image->counter(Counter::kEnded) = 1;
        EXPECT_TRUE(recover_twice(image).open.empty());
        EXPECT_EQ(image->counter(Counter::kDroppedFull), 1u);
        EXPECT_EQ(image->counter(Counter::kEnded), 1u);
        EXPECT_EQ(image->slot_word(5).state, SlotState::kFree);
    }
}

TEST(RecoveryTest, CountsWhatWasOverwrittenOnceTheGenerationMoved) {
    struct Case {
        ChunkState state;
        uint32_t generation, intended;
        uint64_t counted, then;
    };
    for (const Case& kill : {Case{ChunkState::kEvicting, 5, 0, 10, 10},  // disarmed: the data is whole
                             Case{ChunkState::kEvicting, 5, 6, 10, 10},  // armed: still
                             Case{ChunkState::kOpen, 6, 6, 10, 13},      // overwritten, not counted
                             Case{ChunkState::kOpen, 6, 6, 13, 13},      // counted
                             Case{ChunkState::kFull, 6, 6, 40, 40},      // long ago
                             Case{ChunkState::kOpen, 7, 6, 10, 10},  // freed and claimed since: not this generation's
                             Case{ChunkState::kOpen, 0, 1u << 28, 10, 13},  // the generations wrap
                             Case{ChunkState::kFree, 0, 0, 10, 10}}) {
        BufferImage image;
        image->set_word(3, {kill.state, kill.generation, 0, 0});
        ChunkLine& line = image.view().chunk_line(3);
        line.loss_line = 1;
        line.loss = 13;
        line.loss_generation = kill.intended;
        image->counter(Counter::kDroppedOverwritten, 1) = kill.counted;
        recover_twice(image);
        EXPECT_EQ(image->counter(Counter::kDroppedOverwritten, 1), kill.then)
            << static_cast<int>(kill.state) << ' ' << kill.generation << ' ' << kill.intended;
    }
}

TEST(RecoveryTest, IgnoresALossThatIsCountedInNoLine) {
    BufferImage image;
    image->set_word(3, {ChunkState::kOpen, 6, 0, 0});
    ChunkLine& line = image.view().chunk_line(3);
    line.loss_line = ~0u;  // the shared line: no intent can be true of it
    line.loss = 13;
    line.loss_generation = 6;
    EXPECT_EQ(recover_twice(image).fault, RecoveryFault::kNone);
    for (uint32_t i = 0; i < kCounterLinesPerPage; ++i) EXPECT_EQ(image->counter(Counter::kDroppedOverwritten, i), 0u);
}

TEST(RecoveryTest, RefusesSlotsThatMakeNoSense) {
    const auto fault = [](auto spoil) {
        BufferImage image;
        Slot& slot = ending(image);
        spoil(slot);
        return recover(image).fault;
    };
    EXPECT_EQ(fault([](Slot& slot) {
                  slot.word = SlotWord{static_cast<SlotState>(9), 0, 10}.pack();
              }),
              RecoveryFault::kSlotState);
    EXPECT_EQ(fault([](Slot& slot) {
                  slot.word = SlotWord{SlotState::kOpen, 0, kSlotInlineData + 1}.pack();
              }),
              RecoveryFault::kSlotLength);
    EXPECT_EQ(fault([](Slot& slot) {
                  slot.word = SlotWord{SlotState::kOpen, 200, 10}.pack();
              }),
              RecoveryFault::kSlotLength);
    EXPECT_EQ(fault([](Slot& slot) {
                  slot.word = SlotWord{SlotState::kOpen, 1, 10}.pack();
                  slot.blocks[0] = 0;
              }),
              RecoveryFault::kSlotBlock);
    EXPECT_EQ(fault([](Slot& slot) {
                  slot.word = SlotWord{SlotState::kOpen, 2, 10}.pack();
                  slot.blocks[1] = test::kFirstBlock + 1;  // of another class
              }),
              RecoveryFault::kSlotBlock);
    EXPECT_EQ(fault([](Slot& slot) { slot.intent_chunk = test::kChunksOfSet; }), RecoveryFault::kIntent);
    EXPECT_EQ(fault([](Slot& slot) {
                  slot.word = SlotWord{SlotState::kDropping, 0, 10}.pack();
                  slot.intent_cause = static_cast<uint32_t>(Counter::kCount);
              }),
              RecoveryFault::kIntent);
}

TEST(RecoveryTest, RefusesABlockThatTwoSlotsName) {
    BufferImage image;
    const std::vector<uint8_t> data(kSlotInlineData + 1, 0);
    image->open_slot(1, data);
    image->open_slot(2, data);
    EXPECT_EQ(recover(image).fault, RecoveryFault::kNone);
    image->slot(2).blocks[0] = image->slot(1).blocks[0];
    EXPECT_EQ(recover(image).fault, RecoveryFault::kSlotBlock) << "each reads it once, however many name it";
}

TEST(RecoveryTest, IgnoresLinesThatAreNotThere) {
    BufferImage image;
    Slot& slot = image->open_slot(5, test::span_start(1, "span"));
    slot.line = ~uint32_t{0};  // counted in the shared line
    EXPECT_EQ(recover_twice(image).open, std::vector<uint32_t>{test::kFirstSlot + 5});
}

}  // namespace
}  // namespace spanring::ring
