// SPDX-License-Identifier: Apache-2.0
//
// What a writer leaves in the slot, the chunk and the counters, and in which order it does so: the library is compiled
// with its testpoints here, and each is looked at from inside.
#include "ring/level_writer.hpp"

#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/open_segment.hpp"

namespace {

std::function<void(const std::string&)> g_at_testpoint;

}  // namespace

extern "C" void spr_testpoint(const char* name) noexcept {
    if (g_at_testpoint) g_at_testpoint(name);
}

namespace spanring::ring {
namespace {

constexpr uint32_t kScope = 3;
constexpr uint32_t kBytes = 100;

class LevelWriterTest : public testing::Test {
protected:
    LevelWriterTest() {
        writer_.open(*segment_, 1);
        index_ = writer_.take_slot(*segment_).index;
        segment_.view().slot(index_).scope = kScope;
    }
    ~LevelWriterTest() override { g_at_testpoint = nullptr; }

    Slot& slot() { return segment_.view().slot(index_); }
    SlotWord slot_word() { return SlotWord::unpack(slot().word); }
    uint64_t count(Counter counter) {
        return segment_.view().counter_line(slot().line).values[static_cast<uint32_t>(counter)];
    }
    void start() { writer_.publish_start(slot(), {SlotState::kOpen, 0, 10}); }
    void end() {
        ASSERT_TRUE(writer_.make_room(*segment_, kBytes));
        writer_.place(kScope);
        writer_.publish_end(*segment_, slot(), index_, slot_word(), kBytes);
    }
    ChunkWord chunk_word() { return segment_.word(slot().intent_chunk); }

    // Runs `action`; at each testpoint `look` is called. Returns the names in their order.
    std::vector<std::string> watch(const std::function<void()>& action,
                                   const std::function<void(const std::string&)>& look) {
        std::vector<std::string> names;
        g_at_testpoint = [&](const std::string& name) {
            names.push_back(name);
            look(name);
        };
        action();
        g_at_testpoint = nullptr;
        return names;
    }

    test::OpenSegment segment_{4};
    LevelWriter writer_;
    uint32_t index_;
};

using Names = std::vector<std::string>;

TEST_F(LevelWriterTest, StartsASpanByItsSlotFirstAndCountsItThen) {
    const Names names = watch([&] { start(); },
                              [&](const std::string& name) {
                                  EXPECT_EQ(slot_word(), (SlotWord{SlotState::kOpen, 0, 10})) << name;
                                  EXPECT_EQ(slot().started, 1u) << "the slot says what the counter will be";
                                  EXPECT_EQ(count(Counter::kStarted), name == "slot_opened" ? 0u : 1u) << name;
                              });
    EXPECT_EQ(names, (Names{"slot_opened", "start_counted"}));
}

TEST_F(LevelWriterTest, EndsASpanByIntentCommitCountAndSlotInThisOrder) {
    start();
    ASSERT_TRUE(writer_.make_room(*segment_, kBytes));
    const uint32_t size = kBytes + kScopeRecordSize;
    const Names names =
        watch([&] { end(); },
              [&](const std::string& name) {
                  const bool committed = name != "intent_written", counted = committed && name != "committed",
                             cleared = name == "slot_cleared";
                  EXPECT_EQ(slot_word().state, cleared ? SlotState::kFree : SlotState::kEnding) << name;
                  EXPECT_EQ(slot().intent_word, (ChunkWord{ChunkState::kOpen, 1, size, 1}.pack())) << name;
                  EXPECT_EQ(slot().intent_ended, 1u) << name;
                  EXPECT_EQ(chunk_word(), (ChunkWord{ChunkState::kOpen, 1, committed ? size : 0, committed ? 1u : 0u}))
                      << name;
                  EXPECT_EQ(count(Counter::kEnded), counted ? 1u : 0u) << name;
              });
    EXPECT_EQ(names, (Names{"intent_written", "committed", "end_counted", "slot_cleared"}));
}

TEST_F(LevelWriterTest, DropsASpanByIntentCauseCountAndSlotInThisOrder) {
    start();
    const Names names =
        watch([&] { writer_.publish_drop(*segment_, slot(), index_, slot_word(), Counter::kDroppedFull); },
              [&](const std::string& name) {
                  const bool caused = name != "drop_intended", cleared = name == "slot_cleared";
                  EXPECT_EQ(slot_word().state, cleared ? SlotState::kFree : SlotState::kDropping) << name;
                  EXPECT_EQ(slot().intent_cause, static_cast<uint32_t>(Counter::kDroppedFull)) << name;
                  EXPECT_EQ(slot().intent_dropped, 1u) << name;
                  EXPECT_EQ(slot().intent_ended, 1u) << name;
                  EXPECT_EQ(count(Counter::kDroppedFull), caused ? 1u : 0u) << name;
                  EXPECT_EQ(count(Counter::kEnded), cleared ? 1u : 0u) << name;
              });
    EXPECT_EQ(names, (Names{"drop_intended", "drop_counted", "slot_cleared"}));
}

TEST_F(LevelWriterTest, LetsASpanWaitByIntentCountAndStateInThisOrder) {
    start();
    bool waits = false;
    const Names names = watch(
        [&] { waits = writer_.publish_wait(*segment_, slot(), slot_word(), 77); },
        [&](const std::string& name) {
            const bool published = name == "wait_published";
            EXPECT_EQ(slot_word(), (SlotWord{published ? SlotState::kWaiting : SlotState::kEnding, 0, 10})) << name;
            EXPECT_EQ(slot().intent_chunk, kInSlot) << name;
            EXPECT_EQ(slot().intent_word, 77u) << name;
            EXPECT_EQ(slot().intent_ended, 1u) << name;
            EXPECT_EQ(count(Counter::kEnded), name == "wait_intended" ? 0u : 1u) << name;
            EXPECT_EQ(segment_.view().writer().waits, 0u) << name;
        });
    EXPECT_TRUE(waits);
    EXPECT_EQ(names, (Names{"wait_intended", "wait_counted", "wait_published"}));
    EXPECT_EQ(segment_.view().writer().waits, 1u);
    EXPECT_EQ(count(Counter::kDroppedFull), 0u);
}

// At each step of a thread that vanishes there, its heir makes of the span what an agent would find after a death.
TEST_F(LevelWriterTest, SettlesASpanThatWasToWait) {
    for (const std::string at : {"wait_intended", "wait_counted", "wait_published"}) {
        test::OpenSegment segment(4);
        LevelWriter vanished;
        vanished.open(*segment, 1);
        const HeldSlot held = vanished.take_slot(*segment);
        Slot& slot = *held.slot;
        vanished.publish_start(slot, {SlotState::kOpen, 0, 10});
        alignas(8) uint8_t slot_then[offsetof(Slot, data)];
        uint64_t ended_then = 0;
        uint64_t& ended = segment.view().counter_line(slot.line).values[static_cast<uint32_t>(Counter::kEnded)];
        watch([&] { vanished.publish_wait(*segment, slot, SlotWord::unpack(slot.word), 77); },
              [&](const std::string& name) {
                  if (name != at) return;
                  memcpy(slot_then, &slot, sizeof slot_then);
                  ended_then = ended;
              });
        memcpy(static_cast<void*>(&slot), slot_then, sizeof slot_then);  // as it was when the thread vanished
        ended = ended_then;
        const uint64_t told = segment.view().writer().waits;
        vanished.settle(*segment);
        EXPECT_EQ(SlotWord::unpack(slot.word), (SlotWord{SlotState::kWaiting, 0, 10})) << at;
        EXPECT_EQ(ended, 1u) << at;
        EXPECT_GT(segment.view().writer().waits, told) << at << ": the agent is told, perhaps once more";
        EXPECT_NE(segment->take_slot(), held.index) << at << ": it is the agent's";
    }
}

TEST_F(LevelWriterTest, WritesAScopeRecordInEachChunkAndWhereTheScopeChanges) {
    start();
    ASSERT_TRUE(writer_.make_room(*segment_, kBytes));
    uint8_t* place = writer_.place(kScope);
    const uint8_t record[] = {kControlRecord, kControlScope, kScope, 0, 0, 0};
    EXPECT_EQ(memcmp(place - kScopeRecordSize, record, sizeof record), 0);
    end();
    const uint32_t after_first = chunk_word().length;
    EXPECT_EQ(after_first, kBytes + kScopeRecordSize);

    start();  // the writer gave the slot back to itself
    end();
    EXPECT_EQ(chunk_word().length, after_first + kBytes) << "the same scope needs no record";

    slot().scope = kScope + 1;
    start();
    ASSERT_TRUE(writer_.make_room(*segment_, kBytes));
    place = writer_.place(kScope + 1);
    EXPECT_EQ(place[-4], kScope + 1);
    writer_.publish_end(*segment_, slot(), index_, slot_word(), kBytes);
    EXPECT_EQ(chunk_word().length, after_first + 2 * kBytes + kScopeRecordSize);
    EXPECT_EQ(chunk_word().spans, 3u);
}

TEST_F(LevelWriterTest, FillsAChunkWithoutAGapAndGoesOnInTheNext) {
    uint32_t first = ~uint32_t{0};
    for (uint32_t span = 0; span < kSmallChunk / kBytes + 1; ++span) {
        start();
        end();
        if (span == 0) first = slot().intent_chunk;
    }
    const uint32_t fits = (kSmallChunk - kScopeRecordSize) / kBytes;
    const ChunkWord full = segment_.word(first);
    EXPECT_EQ(full, (ChunkWord{ChunkState::kFull, 1, kScopeRecordSize + fits * kBytes, fits}));
    EXPECT_NE(slot().intent_chunk, first);
    EXPECT_EQ(test::extents_of(segment_.view()).chunk_capacity(slot().intent_chunk), kLargeChunk)
        << "a thread's later chunks are large";
}

TEST_F(LevelWriterTest, KeepsBlocksOfUsualSpansForTheNextOneAndGivesLargeOnesBack) {
    const auto give_the_slot = [&](uint32_t block_class) {
        const uint32_t block = segment_->take_block(block_class);
        EXPECT_NE(block, Segment::kNone);
        slot().blocks[block_class - 1] = block + 1;
        return block;
    };
    const uint32_t usual = give_the_slot(2), large = give_the_slot(3);
    writer_.publish_start(slot(), {SlotState::kOpen, 3, kSlotInlineData + 5});
    EXPECT_NE(segment_->take_block(3), large) << "it is the span's until that ends";
    end();
    EXPECT_EQ(slot().blocks[1], usual + 1);
    EXPECT_EQ(slot().blocks[2], 0u);
    EXPECT_EQ(segment_->take_block(3), large);
    writer_.leave(*segment_);
    EXPECT_EQ(slot().blocks[1], 0u);
    EXPECT_EQ(segment_->take_block(2), usual);
}

class ManyOpenTest : public testing::Test {
protected:
    std::set<uint32_t> take(LevelWriter& writer, uint32_t most) {
        std::set<uint32_t> slots;
        while (slots.size() < most) {
            const HeldSlot held = writer.take_slot(*segment);
            if (!held) break;
            EXPECT_EQ(held.slot, &segment.view().slot(held.index));
            EXPECT_TRUE(slots.insert(held.index).second) << held.index << " was taken twice";
        }
        return slots;
    }

    static constexpr uint32_t kAll = ~0u;
    test::OpenSegment segment{16};
};

// Several at once from so many on; each is one writer's, and all come back.
TEST_F(ManyOpenTest, TakesEachSlotOnceAndGivesAllBack) {
    constexpr uint32_t kFewer = 50;
    LevelWriter first, second;
    first.open(*segment, 1);
    second.open(*segment, 2);
    const std::set<uint32_t> few = take(second, kFewer);
    EXPECT_EQ(few.size(), kFewer);
    std::set<uint32_t> all = take(first, kAll);
    EXPECT_GT(all.size(), 4 * kSlotsPerExtent);
    for (const uint32_t slot : few) EXPECT_TRUE(all.insert(slot).second) << slot << " is both writers'";
    EXPECT_EQ(all.size() % kSlotsPerExtent, 0u) << "and nobody keeps one back that has few open";
    for (const uint32_t slot : all) {
        LevelWriter& writer = few.count(slot) != 0 ? second : first;
        writer.return_slot(*segment, segment.view().slot(slot), slot);
    }
    first.leave(*segment);
    second.leave(*segment);
    LevelWriter next;
    next.open(*segment, 3);
    EXPECT_EQ(take(next, kAll), all);
}

// Each is an exchange, which waits for all that was written before it.
TEST_F(ManyOpenTest, GivesBackTogetherWhatItKeepsOnceItKeepsEight) {
    LevelWriter writer;
    writer.open(*segment, 1);
    std::vector<uint32_t> slots;
    for (const uint32_t slot : take(writer, kAll)) slots.push_back(slot);
    const auto end_next = [&] {
        writer.return_slot(*segment, segment.view().slot(slots.back()), slots.back());
        slots.pop_back();
    };
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < (round == 0 ? 8 : 7); ++i) {
            end_next();
            EXPECT_EQ(segment->take_slot(), Segment::kNone) << round << ": it is kept for the next span";
        }
        end_next();
        for (int i = 0; i < 8; ++i) EXPECT_NE(segment->take_slot(), Segment::kNone) << round << ", " << i;
        EXPECT_EQ(segment->take_slot(), Segment::kNone) << round << ": the last one is kept";
    }
    writer.leave(*segment);
    EXPECT_NE(segment->take_slot(), Segment::kNone);
}

// A span that waits in its slot has ended.
TEST_F(ManyOpenTest, DoesNotKeepSlotsBackForThoseThatWait) {
    constexpr uint32_t kWaiting = 70;
    LevelWriter first, second;
    first.open(*segment, 1);
    second.open(*segment, 2);
    uint32_t given = 0;
    for (const uint32_t slot : take(second, kAll))
        if (slot % 2 == 0) {
            segment->give_slot(slot);
            ++given;
        }
    ASSERT_GT(given, kWaiting + kSlotsPerExtent / 2);
    for (uint32_t i = 0; i < kWaiting; ++i) {
        const HeldSlot held = first.take_slot(*segment);
        first.publish_start(*held.slot, {SlotState::kOpen, 0, 10});
        ASSERT_TRUE(first.publish_wait(*segment, *held.slot, SlotWord::unpack(held.slot->word), 77));
    }
    EXPECT_EQ(take(second, kAll).size(), given - kWaiting);
}

TEST_F(LevelWriterTest, LeavesItsChunkItsSlotsAndItsLineToTheNextOne) {
    start();
    end();
    const uint32_t chunk = slot().intent_chunk, line = slot().line;
    const ChunkWord before = segment_.word(chunk);
    writer_.leave(*segment_);
    EXPECT_FALSE(writer_.is_open());
    ChunkWord parked = before;
    parked.state = ChunkState::kParked;
    EXPECT_EQ(segment_.word(chunk), parked);

    LevelWriter next;
    next.open(*segment_, 2);
    EXPECT_EQ(next.take_slot(*segment_).index, index_);
    slot().scope = kScope;
    next.publish_start(slot(), {SlotState::kOpen, 0, 10});
    EXPECT_EQ(slot().line, line);
    EXPECT_EQ(slot().started, 2u) << "the line goes on counting where its last owner stopped";
    ASSERT_TRUE(next.make_room(*segment_, kBytes));
    next.place(kScope);
    next.publish_end(*segment_, slot(), index_, slot_word(), kBytes);
    EXPECT_EQ(slot().intent_chunk, chunk);
    EXPECT_EQ(chunk_word(),
              (ChunkWord{ChunkState::kOpen, before.generation, before.length + kScopeRecordSize + kBytes, 2}));
    EXPECT_EQ(count(Counter::kEnded), 2u);
}

TEST_F(LevelWriterTest, SaysFullCheaplyUntilSomethingIsFreed) {
    std::vector<ChunkWriter<>> others(3 * kChunksPerExtent);  // all that is left
    for (ChunkWriter<>& other : others) {
        Loss loss;
        ASSERT_TRUE(segment_->attach_chunk(other, 10, true, 9, loss));
    }
    EXPECT_FALSE(writer_.make_room(*segment_, kBytes));
    others[0].seal(1);
    EXPECT_FALSE(writer_.make_room(*segment_, kBytes));
    EXPECT_EQ(segment_.release_full(), 1u);
    EXPECT_TRUE(writer_.make_room(*segment_, kBytes));
}

// At each step either the data is whole, or the intent says what recovery has to count.
TEST_F(LevelWriterTest, OverwritesByIntentGenerationAndCountInThisOrder) {
    test::OpenSegment segment(1, test::OpenSegment::kOverwriteOldest);
    std::vector<ChunkWriter<>> others(kChunksPerExtent);
    for (ChunkWriter<>& other : others) {
        Loss loss;
        ASSERT_TRUE(segment->attach_chunk(other, 10, true, 9, loss));
    }
    others[5].commit(others[5].next(144, 3));
    const uint32_t chunk = others[5].chunk();
    others[5].seal(1);
    const ChunkWord full = segment.word(chunk);
    ChunkLine& line = segment.view().chunk_line(chunk);
    line.loss_line = 7;  // of the time before: counted long ago, and still true of this generation
    line.loss = 99;
    line.loss_generation = full.generation;

    LevelWriter writer;
    writer.open(*segment, 1);
    writer.count(Counter::kDroppedOverwritten, 40);
    const uint64_t& lost = segment.view().counter_line(0).values[static_cast<uint32_t>(Counter::kDroppedOverwritten)];
    const Names names =
        watch([&] { EXPECT_TRUE(writer.make_room(*segment, kBytes)); },
              [&](const std::string& name) {
                  const bool counted = name == "loss_counted", gone = counted || name == "overwritten";
                  const bool armed = gone || name == "loss_armed", written = armed || name == "loss_written";
                  EXPECT_EQ(segment.word(chunk),
                            gone ? (ChunkWord{ChunkState::kOpen, full.generation + 1, 0, 0})
                                 : (ChunkWord{ChunkState::kEvicting, full.generation, full.length, full.spans}))
                      << name;
                  EXPECT_EQ(line.loss_generation, armed                ? full.generation + 1
                                                  : name == "evicting" ? full.generation
                                                                       : 0)
                      << name;
                  EXPECT_EQ(line.loss_line, written ? 0u : 7u) << name;
                  EXPECT_EQ(line.loss, written ? 43u : 99u) << name;
                  EXPECT_EQ(lost, counted ? 43u : 40u) << name;
              });
    EXPECT_EQ(names, (Names{"evicting", "loss_disarmed", "loss_written", "loss_armed", "overwritten", "loss_counted"}));
}

TEST_F(LevelWriterTest, CountsInTheSharedLineWhenThereAreMoreWritersThanLines) {
    while (segment_->take_line() != Segment::kNone) {
    }
    LevelWriter poor, poorer;
    poor.open(*segment_, 2);
    poorer.open(*segment_, 3);
    poor.count(Counter::kRefusedData, 2);
    poorer.count(Counter::kRefusedData, 3);
    EXPECT_FALSE(poor.has_line());
    for (LevelWriter* writer : {&poor, &poorer}) writer->count_unsampled();
    const uint64_t* const line = segment_.view().writer().shared_line;
    EXPECT_EQ(line[static_cast<uint32_t>(Counter::kRefusedData)], 5u);
    EXPECT_EQ(line[static_cast<uint32_t>(Counter::kUnsampled)], 2u);
}

TEST_F(LevelWriterTest, CountsWhatIsNotSampledInItsLineAndGoesOnThere) {
    for (int i = 0; i < 2; ++i) writer_.count_unsampled();
    writer_.leave(*segment_);
    LevelWriter next;
    next.open(*segment_, 2);
    ASSERT_TRUE(next.has_line());
    next.count_unsampled();
    EXPECT_EQ(segment_.view().counter_line(0).values[static_cast<uint32_t>(Counter::kUnsampled)], 3u);
}

TEST_F(LevelWriterTest, ForgetsWithoutTouchingTheSegment) {
    start();
    end();
    const uint32_t chunk = slot().intent_chunk;
    const uint64_t before = segment_.view().chunk_line(chunk).word;
    writer_.forget();
    EXPECT_FALSE(writer_.is_open());
    EXPECT_EQ(segment_.view().chunk_line(chunk).word, before);
}

}  // namespace
}  // namespace spanring::ring
