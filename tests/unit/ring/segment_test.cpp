// SPDX-License-Identifier: Apache-2.0
//
// What is free in a segment, and how it grows. One thread, a real file, chunks claimed and given back by hand.
#include "ring/segment.hpp"

#include <bit>
#include <set>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "ring/extent_giver.hpp"
#include "ring/level_writer.hpp"
#include "support/open_segment.hpp"
#include "unit/ring/claimed_chunk.hpp"

namespace spanring::ring {
namespace {

using test::attach;
using test::fill;
using test::kMe;
using test::OpenSegment;
using test::Writer;

TEST(SegmentTest, StartsWithoutAnExtentAndWithOnePageOfCounters) {
    OpenSegment segment(4);
    EXPECT_EQ(segment.extents(), 0u);
    EXPECT_EQ(segment.view().writer().counter_lines, kCounterLinesPerPage);
    EXPECT_EQ(segment.view().writer().claims, 0u);
}

TEST(SegmentTest, TakesAnExtentForWhatIsAskedFor) {
    OpenSegment segment(5);
    Writer small, large, jumbo;
    EXPECT_EQ(segment->take_slot(), 0u);
    ASSERT_TRUE(attach(segment, small, 100, true));
    ASSERT_TRUE(attach(segment, large, 100));
    ASSERT_TRUE(attach(segment, jumbo, kLargeChunk + 1));
    EXPECT_EQ(segment->take_block(3), 4 * kBlockNumbers);
    const ExtentMap extents = test::extents_of(segment.view());
    ASSERT_EQ(extents.count(), 5u);
    const ExtentKind kinds[] = {ExtentKind::kSlots, ExtentKind::kSmallChunks, ExtentKind::kLargeChunks,
                                ExtentKind::kJumboChunks, ExtentKind::kBlocks16K};
    for (uint32_t extent = 0; extent < 5; ++extent) EXPECT_EQ(extents.kind(extent), kinds[extent]) << extent;
    EXPECT_TRUE(segment->has_slot(kSlotsPerExtent - 1));
    EXPECT_FALSE(segment->has_slot(kSlotsPerExtent)) << "more than fit";
    EXPECT_FALSE(segment->has_slot(kSlotNumbers)) << "of an extent of chunks";
    EXPECT_FALSE(segment->has_slot(~uint32_t{0}));
    EXPECT_TRUE(segment->has_chunk(2 * kChunksPerExtent + 3));
    EXPECT_FALSE(segment->has_chunk(2 * kChunksPerExtent + 4)) << "four large ones are in an extent";
    EXPECT_FALSE(segment->has_chunk(0)) << "of an extent of slots";
    EXPECT_EQ(segment.view().writer().claims, 3u);
}

TEST(SegmentTest, GivesAThreadASmallChunkFirstAndLargeOnesLater) {
    OpenSegment segment(2);
    Writer first, second;
    ASSERT_TRUE(attach(segment, first, 100, true));
    EXPECT_EQ(first.room(), kSmallChunk);
    ASSERT_TRUE(attach(segment, second, 100));
    EXPECT_EQ(second.room(), kLargeChunk);
}

TEST(SegmentTest, GivesSmallChunksWhereThereAreManyWriters) {
    constexpr uint32_t kLimit = 16;
    constexpr uint32_t kFew = kLimit * kExtentSize / 4 / kLargeChunk;
    OpenSegment segment(kLimit);
    for (uint32_t writer = 0; writer < kFew; ++writer) segment->note_writer();
    Writer few, many, few_again;
    ASSERT_TRUE(attach(segment, few, 100));
    EXPECT_EQ(few.room(), kLargeChunk);
    segment->note_writer();
    ASSERT_TRUE(attach(segment, many, 100));
    EXPECT_EQ(many.room(), kSmallChunk);
    segment->forget_writer();
    ASSERT_TRUE(attach(segment, few_again, 100));
    EXPECT_EQ(few_again.room(), kLargeChunk);
}

TEST(SegmentTest, GivesALargeSpanALargeChunkEvenIfItIsTheFirst) {
    OpenSegment segment(2);
    Writer writer;
    ASSERT_TRUE(attach(segment, writer, kSmallChunk + 1, true));
    EXPECT_EQ(writer.room(), kLargeChunk);
}

TEST(SegmentTest, GivesASpanLargerThanALargeChunkAJumboOne) {
    OpenSegment segment(1);
    Writer writer, other;
    ASSERT_TRUE(attach(segment, writer, kLargeChunk + 1));
    EXPECT_EQ(writer.room(), kJumboChunk);
    EXPECT_FALSE(attach(segment, other, kLargeChunk + 1)) << "there is one in an extent";
}

TEST(SegmentTest, UsesChunksOfEverySizeBeforeItIsFull) {
    OpenSegment segment(3);
    std::vector<Writer> small(kChunksPerExtent), others(2);
    for (Writer& writer : small) ASSERT_TRUE(attach(segment, writer, 100, true));
    ASSERT_TRUE(attach(segment, others[0], kLargeChunk + 1));
    const uint32_t jumbo = others[0].chunk();
    others[0].seal(segment->next_sequence());
    ASSERT_TRUE(attach(segment, others[1], kSmallChunk + 1));
    segment.release(jumbo);
    std::vector<Writer> late(4);
    for (Writer& writer : late) ASSERT_TRUE(attach(segment, writer, 100));
    EXPECT_EQ(late[2].room(), kLargeChunk);
    EXPECT_EQ(late[3].room(), kJumboChunk) << "when no large one is left";
    Writer one_more;
    EXPECT_FALSE(attach(segment, one_more, 100)) << "full";
    EXPECT_FALSE(one_more.attached());
    EXPECT_EQ(segment.chunks_in(ChunkState::kFree), 0u);
}

TEST(SegmentTest, GrowsByExtentsUpToItsLimitAndIsFullThen) {
    constexpr uint32_t kLimit = 3;
    OpenSegment segment(kLimit);
    std::set<uint32_t> chunks;
    for (uint32_t i = 0; i < kLimit * parts_of(ExtentKind::kLargeChunks); ++i) {
        Writer writer;
        ASSERT_TRUE(attach(segment, writer, kSmallChunk + 1)) << i;
        EXPECT_TRUE(chunks.insert(writer.chunk()).second) << "chunk " << writer.chunk() << " twice";
    }
    EXPECT_EQ(segment.extents(), kLimit);
    Writer writer;
    EXPECT_FALSE(attach(segment, writer, kSmallChunk + 1));
}

TEST(SegmentTest, GrowsForSlotsAndBlocks) {
    OpenSegment segment(3);
    std::set<uint32_t> slots, blocks;
    for (uint32_t i = 0; i <= kSlotsPerExtent; ++i) EXPECT_TRUE(slots.insert(segment->take_slot()).second);
    for (uint32_t block; (block = segment->take_block(2)) != Segment::kNone;) EXPECT_TRUE(blocks.insert(block).second);
    for (uint32_t slot; (slot = segment->take_slot()) != Segment::kNone;) EXPECT_TRUE(slots.insert(slot).second);
    EXPECT_EQ(slots.size(), 2 * kSlotsPerExtent);
    EXPECT_EQ(*slots.rbegin(), kSlotNumbers + kSlotsPerExtent - 1);
    EXPECT_EQ(blocks.size(), kExtentSize / block_size(2));
    EXPECT_EQ(*blocks.begin(), 2 * kBlockNumbers);
    EXPECT_EQ(*blocks.rbegin(), 3 * kBlockNumbers - 2) << "numbered by units";
    EXPECT_EQ(segment.extents(), 3u);
    segment->give_slot(5);
    EXPECT_EQ(segment->take_slot(), 5u);
    segment->give_block(6 + 2 * kBlockNumbers, 2);
    EXPECT_EQ(segment->take_block(2), 6 + 2 * kBlockNumbers);
}

TEST(SegmentTest, MakesSomethingElseOfAnExtentInWhichNothingIsUsed) {
    OpenSegment segment(1);
    const ExtentMap before = test::extents_of(segment.view());
    const uint32_t block = segment->take_block(1);
    EXPECT_EQ(segment->take_slot(), Segment::kNone) << "it is one of blocks";
    memset(segment.view().block(block), 0xff, block_size(1));
    const uint64_t mark = segment->freed_mark();
    segment->give_block(block, 1);
    EXPECT_NE(segment->freed_mark(), mark) << "who found no chunk is told to look again";
    const uint32_t slot = segment->take_slot();
    ASSERT_NE(slot, Segment::kNone);
    EXPECT_EQ(segment.view().slot(slot).word, 0u) << "a slot is free, whatever lay there";
    for (const uint32_t none : segment.view().slot(slot).blocks) EXPECT_EQ(none, 0u);
    Writer writer;
    EXPECT_FALSE(attach(segment, writer, 100)) << "it is one of slots";
    segment->give_slot(slot);
    ASSERT_TRUE(attach(segment, writer, 100));
    EXPECT_FALSE(segment->has_slot(slot));
    EXPECT_EQ(segment->take_slot(), Segment::kNone) << "chunks keep what they have";
}

TEST(SegmentTest, TellsAReaderWhichExtentsHoldSomethingElse) {
    OpenSegment segment(2);
    const uint32_t slot = segment->take_slot();
    ExtentMap map(2);
    ASSERT_TRUE(map.update(segment.view()));
    EXPECT_TRUE(map.has_slot(slot));
    segment->give_slot(slot);
    Writer writer;
    ASSERT_TRUE(attach(segment, writer, 100));
    const uint32_t version = map.version();
    ASSERT_TRUE(map.update(segment.view()));
    EXPECT_NE(map.version(), version);
    EXPECT_FALSE(map.has_slot(slot));
    EXPECT_TRUE(map.has_chunk(writer.chunk()));
}

// What a process that is killed did not come to say is found by whoever finds it dead.
TEST(SegmentTest, IsReadToTheEndAfterADeath) {
    OpenSegment segment(1);
    const uint32_t slot = segment->take_slot();
    ExtentMap map(1);
    ASSERT_TRUE(map.update(segment.view()));
    segment.view().extent_word(0) = ExtentWord{ExtentKind::kLargeChunks}.pack();
    ASSERT_TRUE(map.update(segment.view()));
    EXPECT_TRUE(map.has_slot(slot));
    ASSERT_TRUE(map.update_finally(segment.view()));
    EXPECT_TRUE(map.has_chunk(0));
}

// Whoever looks at all slots, for a thread that vanished, would take what another one writes for a slot.
TEST(SegmentTest, KeepsAnExtentWhatItIsWhileItsSlotsAreVisited) {
    OpenSegment segment(1);
    const uint32_t slot = segment->take_slot();
    uint32_t visited = 0;
    Writer writer;
    uint64_t mark = segment->freed_mark();
    segment->each_slot([&](uint32_t) {
        if (visited++ == 0) segment->give_slot(slot);
        EXPECT_FALSE(attach(segment, writer, 100)) << "nothing is used, but it is looked at";
    });
    EXPECT_EQ(visited, kSlotsPerExtent);
    EXPECT_NE(segment->freed_mark(), mark) << "who found no chunk is told to look again";
    EXPECT_TRUE(attach(segment, writer, 100));
}

TEST(SegmentTest, IsNotLookedAtWhereNobodyEverWrote) {
    OpenSegment segment(1);
    EXPECT_NE(segment->take_slot(), Segment::kNone);
    ExtentMap map(1);
    ASSERT_TRUE(map.update(segment.view()));
    const auto visited = [&] {
        std::vector<uint32_t> slots;
        map.each_slot([&](uint32_t slot) { slots.push_back(slot); });
        return slots;
    };
    EXPECT_EQ(visited().size(), kSlotsPerExtent);
    map.only_slots_below(0, 3);
    EXPECT_EQ(visited(), (std::vector<uint32_t>{0, 1, 2}));
    map.only_slots_below(0, kSlotsPerExtent);
    EXPECT_EQ(visited().size(), 3u) << "what is known stays known";
    EXPECT_TRUE(map.has_slot(kSlotsPerExtent - 1)) << "they are there nevertheless";
}

// ---- Memory that goes and comes -------------------------------------------------------------------------------------

// What an agent does to an extent of large chunks. Returns how many of them are without memory now.
uint32_t give_back(OpenSegment& segment, uint32_t extent) {
    const SegmentView view = segment.view();
    ExtentGiver<> giver(view);
    uint32_t moved = 0;
    const uint32_t places = giver.take(extent, ExtentKind::kLargeChunks, [&](uint32_t, ChunkWord) { ++moved; });
    EXPECT_EQ(moved, std::popcount(places));
    if (places == 0) return 0;
    bool punched = true;
    for (uint32_t place = 0; place < parts_of(ExtentKind::kLargeChunks); ++place) {
        uint8_t* const bytes = view.chunk_bytes(extent * kChunksPerExtent + place, kLargeChunk);
        if ((places >> place & 1) != 0) punched = madvise(bytes, kLargeChunk, MADV_REMOVE) == 0 && punched;
    }
    giver.finish(extent, ExtentKind::kLargeChunks, punched);
    return punched ? moved : 0;
}
ExtentWord word_of(const OpenSegment& segment, uint32_t extent) {
    return ExtentWord::unpack(segment.view().extent_word(extent));
}

TEST(SegmentTest, MakesAnExtentWholeWhoseMemoryWasGivenBack) {
    OpenSegment segment(1);
    Writer writer;
    const uint64_t mark = segment->freed_mark();
    constexpr uint32_t kAll = parts_of(ExtentKind::kLargeChunks);
    ASSERT_TRUE(attach(segment, writer, 100));
    writer.seal(1);
    segment.release(0);
    ASSERT_EQ(give_back(segment, 0), kAll);
    EXPECT_NE(segment->freed_mark(), mark) << "who found none meanwhile is told to look again";
    EXPECT_EQ(word_of(segment, 0).memory, ExtentMemory::kEmpty);
    EXPECT_EQ(word_of(segment, 0).gives, 1u);
    ASSERT_TRUE(attach(segment, writer, 100));
    memset(writer.place(), 0xff, 100);
    EXPECT_EQ(word_of(segment, 0).memory, ExtentMemory::kWhole);
    EXPECT_EQ(word_of(segment, 0).gives, 1u);
    ExtentMap map(1);
    EXPECT_TRUE(map.update(segment.view())) << "a reader knows such words";
}

TEST(SegmentTest, KeepsTheMemoryOfAChunkThatIsNotFreeWhileTheOthersGiveTheirs) {
    OpenSegment segment(1);
    Writer writer, other;
    constexpr uint32_t kAll = parts_of(ExtentKind::kLargeChunks);
    ASSERT_TRUE(attach(segment, writer, 100));
    memset(writer.place(), 0xab, 100);
    ASSERT_EQ(give_back(segment, 0), kAll - 1);
    EXPECT_EQ(writer.place()[99], 0xab);
    writer.commit(writer.next(100, 1));
    EXPECT_EQ(give_back(segment, 0), kAll - 1) << "as often as anybody asks";
    writer.seal(1);
    segment.release(0);
    EXPECT_EQ(ChunkReader<>::committed(segment.view().chunk_line(0)).state, ChunkState::kFree);
    EXPECT_EQ(give_back(segment, 0), kAll) << "and what has become FREE since";
    ASSERT_TRUE(attach(segment, writer, 100));
    ASSERT_TRUE(attach(segment, other, 100));
    memset(other.place(), 0xcd, 100);
    EXPECT_EQ(word_of(segment, 0).memory, ExtentMemory::kWhole);
}

TEST(SegmentTest, IsWholeWhereNothingOfAnExtentWent) {
    OpenSegment segment(1);
    ExtentGiver<> giver(segment.view());
    const auto ignore = [](uint32_t, ChunkWord) {};
    Writer writer;
    ASSERT_TRUE(attach(segment, writer, 100));
    ASSERT_NE(giver.take(0, ExtentKind::kLargeChunks, ignore), 0u);
    giver.finish(0, ExtentKind::kLargeChunks, false);
    EXPECT_EQ(word_of(segment, 0).memory, ExtentMemory::kWhole);
    ASSERT_NE(give_back(segment, 0), 0u);
    ASSERT_NE(giver.take(0, ExtentKind::kLargeChunks, ignore), 0u);
    giver.finish(0, ExtentKind::kLargeChunks, false);
    EXPECT_EQ(word_of(segment, 0).memory, ExtentMemory::kEmpty) << "some of it had gone before";
    while (attach(segment, writer, kLargeChunk)) writer.seal(1);
    EXPECT_EQ(giver.take(0, ExtentKind::kLargeChunks, ignore), 0u) << "none is FREE";
    EXPECT_EQ(word_of(segment, 0).memory, ExtentMemory::kWhole);
}

// A killed agent's successor goes on with what that had taken.
TEST(SegmentTest, IsGivenBackByTheNextAgentWhereOneWasKilled) {
    OpenSegment segment(1);
    Writer writer;
    ASSERT_TRUE(attach(segment, writer, 100));
    const uint32_t chunk = writer.chunk();
    writer.seal(1);
    segment.release(chunk);
    ASSERT_TRUE(ExtentGiver<>(segment.view()).take(0, ExtentKind::kLargeChunks, [](uint32_t, ChunkWord) {}));
    EXPECT_FALSE(attach(segment, writer, 100)) << "it is being given back";
    ASSERT_NE(give_back(segment, 0), 0u);
    EXPECT_TRUE(attach(segment, writer, 100));
}

// Whatever fills up first leaves the other kinds something.
TEST(SegmentTest, KeepsAShareForEachKind) {
    constexpr uint32_t kLimit = 64;
    const auto fill_all = [](OpenSegment& segment, ExtentKind kind) {
        Writer writer;
        switch (kind) {
            case ExtentKind::kSlots:
                while (segment->take_slot() != Segment::kNone) continue;
                break;
            case ExtentKind::kBlocks4K:
                while (segment->take_block(2) != Segment::kNone) continue;
                break;
            default:
                while (attach(segment, writer, part_size(kind), kind == ExtentKind::kSmallChunks)) writer.forget();
        }
    };
    constexpr ExtentKind kKinds[] = {ExtentKind::kSlots, ExtentKind::kBlocks4K, ExtentKind::kSmallChunks,
                                     ExtentKind::kLargeChunks, ExtentKind::kJumboChunks};
    for (const ExtentKind first : kKinds) {
        OpenSegment segment(kLimit);
        fill_all(segment, first);
        EXPECT_LT(segment.extents(), kLimit) << "of kind " << static_cast<uint32_t>(first);
        for (const ExtentKind kind : kKinds) fill_all(segment, kind);
        EXPECT_EQ(segment.extents(), kLimit - 3) << "but for three classes of blocks nothing is kept for ever";
        EXPECT_GE(segment.extents_of_kind(ExtentKind::kSlots), kLimit / 10);
        EXPECT_GE(segment.extents_of_kind(ExtentKind::kBlocks4K), 1u);
        EXPECT_GE(segment.extents_of_kind(ExtentKind::kLargeChunks), kLimit / 32);
    }
}

// A thread that closes them and is stopped in the midst of it would refuse all others' spans.
TEST(SegmentTest, TheOnlySlotsStayOpenInASmallSegment) {
    OpenSegment segment(3);
    const uint32_t slot = segment->take_slot();
    ASSERT_NE(slot, Segment::kNone);
    segment->give_slot(slot);
    EXPECT_TRUE(segment->has_slot(slot)) << "though nobody uses them";
}

TEST(SegmentTest, KeepsAShareForEachKindInTheSmallestSegment) {
    OpenSegment segment(6);
    Writer writer;
    while (segment->take_slot() != Segment::kNone) continue;
    EXPECT_EQ(segment.extents(), 2u);
    EXPECT_EQ(segment->take_block(1), Segment::kNone) << "a larger one will do";
    EXPECT_NE(segment->take_block(3), Segment::kNone);
    for (const uint32_t bytes : {kSmallChunk, kLargeChunk, kJumboChunk})
        EXPECT_TRUE(attach(segment, writer, bytes, bytes == kSmallChunk)) << bytes;
}

TEST(SegmentTest, FindsAChunkThatTheAgentFreed) {
    OpenSegment segment(1);
    std::vector<Writer> writers(kChunksPerExtent);
    for (Writer& writer : writers) ASSERT_TRUE(attach(segment, writer, 100, true));
    Writer late;
    ASSERT_FALSE(attach(segment, late, 100));
    const uint64_t mark = segment->freed_mark();
    fill(writers[3], 100);
    const uint32_t chunk = writers[3].chunk();
    writers[3].seal(segment->next_sequence());
    ASSERT_FALSE(attach(segment, late, 100)) << "full is not free";
    EXPECT_EQ(segment->freed_mark(), mark);
    segment.release(chunk);
    EXPECT_NE(segment->freed_mark(), mark) << "who gave up is told to look again";
    ASSERT_TRUE(attach(segment, late, 100));
    EXPECT_EQ(late.chunk(), chunk);
    EXPECT_EQ(segment.word(chunk).generation, 2u);
}

TEST(SegmentTest, PrefersWhatALeavingThreadParked) {
    OpenSegment segment(1);
    Writer leaving, coming;
    ASSERT_TRUE(attach(segment, leaving, 100));
    fill(leaving, 60);
    const uint32_t chunk = leaving.chunk();
    leaving.park();
    segment->note_parked();
    ASSERT_TRUE(attach(segment, coming, 100, true));
    EXPECT_EQ(coming.chunk(), chunk);
    EXPECT_EQ(coming.room(), kLargeChunk - 60);
    EXPECT_EQ(segment.chunks_in(ChunkState::kParked), 0u);
}

TEST(SegmentTest, SealsAParkedChunkThatHasNoRoomLeft) {
    OpenSegment segment(1);
    Writer leaving, coming;
    ASSERT_TRUE(attach(segment, leaving, 100, true));
    fill(leaving, kSmallChunk - 50);
    const uint32_t chunk = leaving.chunk();
    leaving.park();
    segment->note_parked();
    ASSERT_TRUE(attach(segment, coming, 100, true));
    EXPECT_NE(coming.chunk(), chunk);
    EXPECT_EQ(segment.word(chunk).state, ChunkState::kFull) << "the agent can free it now";
}

// Threads that come and go, each with one span, while the agent frees what is full: nothing may be used up.
TEST(SegmentTest, IsNotUsedUpByThreadsThatComeAndGo) {
    for (const uint32_t bytes : {100u, kSmallChunk / 2, kSmallChunk - 100, kSmallChunk + 100, kLargeChunk + 100}) {
        OpenSegment segment(kExtentKinds);
        for (uint32_t thread = 0; thread < 16 * kChunksPerExtent; ++thread) {
            LevelWriter writer;
            writer.open(*segment, thread);
            if (!writer.make_room(*segment, bytes)) {
                segment.release_full();
                ASSERT_TRUE(writer.make_room(*segment, bytes))
                    << "thread " << thread << " with spans of " << bytes << " bytes; "
                    << segment.chunks_in(ChunkState::kParked) << " chunks are parked, "
                    << segment.chunks_in(ChunkState::kFull) << " full";
            }
            const uint32_t index = writer.take_slot(*segment).index;
            Slot& slot = segment.view().slot(index);
            slot.scope = 1;
            writer.publish_start(slot, {SlotState::kOpen, 0, 0});
            writer.place(1);
            writer.publish_end(*segment, slot, index, {SlotState::kOpen, 0, 0}, bytes);
            writer.leave(*segment);
        }
    }
}

TEST(SegmentTest, HasCounterLinesForAThousandWritersAndPopulatesThemByPages) {
    OpenSegment segment(1);
    EXPECT_EQ(segment->counter_line(0), &segment.view().counter_line(0));
    EXPECT_EQ(segment.view().writer().counter_lines, kCounterLinesPerPage);
    EXPECT_EQ(segment->counter_line(kCounterLinesPerPage), &segment.view().counter_line(kCounterLinesPerPage));
    EXPECT_EQ(segment.view().writer().counter_lines, 2 * kCounterLinesPerPage);
    EXPECT_EQ(segment->counter_line(kCounterLines - 1), &segment.view().counter_line(kCounterLines - 1));
    EXPECT_EQ(segment.view().writer().counter_lines, kCounterLines);
    EXPECT_EQ(segment->counter_line(kCounterLines), nullptr);
    EXPECT_EQ(segment->counter_line(Segment::kNone), nullptr);
}

TEST(SegmentTest, HandsOutEachCounterLineOnce) {
    OpenSegment segment(1);
    std::set<uint32_t> lines;
    for (uint32_t line; (line = segment->take_line()) != Segment::kNone;) EXPECT_TRUE(lines.insert(line).second);
    EXPECT_EQ(lines.size(), kCounterLines);
    segment->give_line(17);
    EXPECT_EQ(segment->take_line(), 17u);
}

}  // namespace
}  // namespace spanring::ring
