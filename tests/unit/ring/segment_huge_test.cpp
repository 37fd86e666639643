// SPDX-License-Identifier: Apache-2.0
//
// Places for spans that are larger than an extent: how many there are, whose their memory is, that it goes and comes.
#include <atomic>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "ring/ack_book.hpp"
#include "ring/extent_giver.hpp"
#include "ring/unfinished_span.hpp"
#include "support/child_process.hpp"
#include "support/small_tmpfs.hpp"
#include "unit/ring/huge_segment.hpp"

namespace {

// What happens at a step, once.
const char* g_step = nullptr;
std::function<void()> g_meanwhile;

}  // namespace

extern "C" void spr_testpoint(const char* name) noexcept {
    if (g_step == nullptr || strcmp(name, g_step) != 0) return;
    g_step = nullptr;
    g_meanwhile();
}

namespace spanring::ring {
namespace {

using namespace huge_test;
using test::OpenSegment;

TEST_F(HugeTest, HoldsASpanOpenAndFinished) {
    for (const uint32_t size : {uint32_t{kSmallChunk}, 70'000u, 250'000u, 300'000u, 1'000'000u, 1'100'000u,
                                static_cast<uint32_t>(kLargest) - kSpareForEnd}) {
        const HeldSlot span = open_span(size, 7);
        const SlotWord word = this->word(*span.slot);
        EXPECT_EQ(word.length, size);
        EXPECT_EQ(word.place > kBlockClasses, size > kExtentSize);
        EXPECT_TRUE(has_only(data_of(view(), *span.slot, word), size, 7)) << size;
        SlotCopy copy;
        ASSERT_TRUE(copy_slot(view(), map(), span.index, copy));
        EXPECT_EQ(copy.data.size(), size) << "what an agent sees of it";
        EXPECT_TRUE(has_only(copy.data.data(), size, 7)) << size;
        ASSERT_TRUE(end(span));
        if (size <= kJumboChunk) continue;
        EXPECT_EQ(finished(), std::vector<uint32_t>{size + kScopeRecordSize});
        segment_.release_full();
    }
}

TEST_F(HugeTest, HasRoomForAQuarterOfTheMemoryAndNoMore) {
    bool whole = true;
    const HeldSlot span = open_span(static_cast<uint32_t>(kLargest) - kSpareForEnd + 1, 1, &whole);
    EXPECT_FALSE(whole);
    EXPECT_GT(word(*span.slot).length, 1'000'000u) << "what it had stays";
    for (const auto& [extents, most] : {std::pair<uint32_t, uint64_t>{15, kExtentSize},
                                        {16, 256 << 10},
                                        {63, 256 << 10},
                                        {64, kMegabyte},
                                        {223, kMegabyte},
                                        {224, kLargest}}) {
        OpenSegment other(with_huge(extents));
        EXPECT_EQ(other.view().header().huge_places, extents < 16 ? 0 : kHugePlaces);
        Slot& slot = other.view().slot(other->take_slot());
        uint32_t largest = 0;
        for (const uint32_t size :
             {uint32_t{kExtentSize}, uint32_t{256 << 10}, uint32_t{kMegabyte}, uint32_t{kLargest}})
            if (SlotWriter(*other, slot, SlotWord{SlotState::kOpen, 0, 0}).reserve(size - kSpareForEnd)) largest = size;
        EXPECT_EQ(largest, most) << extents << " extents";
    }
}

TEST_F(HugeTest, GoesBackOnceItsSpanHasEnded) {
    for (int round = 0; round < 50; ++round) ASSERT_TRUE(end(open_span(200'000, 1)) && segment_.release_full() != 0);
    EXPECT_EQ(StdAtomics::load(view().writer().huge, std::memory_order_relaxed), 1u | 1u << kHugeBlocks)
        << "the next one takes what the last one had";
    EXPECT_TRUE(map().has_huge(0));
    EXPECT_FALSE(map().has_huge_block(0)) << "nobody reads what nobody uses";
}

TEST_F(HugeTest, NeverHasMoreMemoryThanTheSegmentMay) {
    std::vector<HeldSlot> spans;
    for (uint32_t size : {3'000'000u, 900'000u, 900'000u, 900'000u, 900'000u, 200'000u, 200'000u, 200'000u}) {
        bool whole = true;
        spans.push_back(open_span(size, 1, &whole));
    }
    const uint64_t open = held();
    EXPECT_GT(open, 4 * kMegabyte);
    const uint32_t extents = fill_with_chunks();
    EXPECT_LE(held(), kExtents * kExtentSize + kBeside);
    EXPECT_GT(extents, 32u) << "and the rest has a share nevertheless";
    uint32_t ended = 0;
    for (const HeldSlot& span : spans) ended += end(span);
    EXPECT_GE(ended, 2u) << "what is open has room for its end";
    EXPECT_LE(held(), kExtents * kExtentSize + kBeside);
}

TEST_F(HugeTest, HasNoMemoryThatOthersHave) {
    EXPECT_GT(fill_with_chunks(), kExtents - 48);
    bool whole = true;
    const HeldSlot span = open_span(200'000, 1, &whole);
    EXPECT_FALSE(whole);
    EXPECT_GT(word(*span.slot).length, 60'000u);
    EXPECT_LE(held(), kExtents * kExtentSize + kBeside);
    EXPECT_EQ(StdAtomics::load(view().writer().huge, std::memory_order_relaxed), 0u);
}

// There is one place for the largest at a time; while its span is not acknowledged, the next one is dropped and
// counted.
TEST_F(HugeTest, IsFullAtTheEndWhereNothingIsAcknowledged) {
    EXPECT_TRUE(end(open_span(3'000'000, 1)));
    EXPECT_TRUE(end(open_span(3'000'000, 2)));
    EXPECT_FALSE(end(open_span(3'000'000, 3))) << "half of the memory at most is in finished ones";
    EXPECT_EQ(sum_counters<>(view())[static_cast<size_t>(Counter::kDroppedFull)], 1u);
    segment_.release_full();
    EXPECT_TRUE(end(open_span(3'000'000, 4)));
}

// Until it is acknowledged it has its place, open as it was, and then the next one has it.
TEST_F(HugeTest, WaitsInItsPlaceWhereItsEndFindsNoRoom) {
    EXPECT_TRUE(end(open_span(3'000'000, 1)));
    EXPECT_TRUE(end(open_span(3'000'000, 2)));
    for (int round = 0; round < 3; ++round) {
        const HeldSlot span = open_span(3'000'000, 3);
        const SlotWord open = word(*span.slot);
        ASSERT_FALSE(writer_.make_room(*segment_, open.length));
        ASSERT_TRUE(writer_.publish_wait(*segment_, *span.slot, open, 77'000)) << "however few slots there are";
        EXPECT_EQ(word(*span.slot), (SlotWord{SlotState::kWaiting, open.place, open.length}));
        bool whole = true;
        drop(open_span(3'000'000, 4, &whole));
        EXPECT_FALSE(whole) << "there is one place for the largest at a time";
        take_steps();
        take_steps();
        SlotCopy copy;
        ASSERT_TRUE(copy_slot(view(), map(), span.index, copy)) << "what an agent sees of it";
        EXPECT_EQ(copy.slot.intent_word, 77'000u);
        EXPECT_EQ(copy.data.size(), 3'000'000u);
        EXPECT_TRUE(has_only(copy.data.data(), 3'000'000, 3));
        AckBook<> book;
        ASSERT_TRUE(book.open(view(), map()));
        book.close_waiting_slot(span.index, span.slot->generation, book.totals());
    }
    segment_.release_full();
    EXPECT_TRUE(end(open_span(3'000'000, 5)));
}

// What is kept for the end of an open span is nothing that a search for a small chunk in vain says anything about.
TEST_F(HugeTest, EndsInAFullRing) {
    const HeldSlot span = open_span(200'000, 1);
    fill_with_chunks();
    while (end(open_span(100, 2))) continue;
    EXPECT_TRUE(end(span));
}

// However many smaller ones end before it.
TEST_F(HugeTest, EndsInWhatIsKeptForItAndForNoSmallerOne) {
    const HeldSlot large = open_span(900'000, 1);
    uint32_t smaller = 0;
    while (end(open_span(200'000, 2))) ++smaller;
    EXPECT_GE(smaller, 8u + 3u) << "in places of their own size, and in larger ones that are kept for nobody";
    EXPECT_TRUE(end(large));
}

class HugeShortTest : public HugeTest {
protected:
    // As an agent does. The chunk is FREE.
    void give(uint32_t place) {
        ExtentGiver<> giver(view());
        ASSERT_EQ(giver.take(kFirstHuge + place, ExtentKind::kHugeChunk, [](uint32_t, ChunkWord) {}), 1u);
        giver.finish(kFirstHuge + place, ExtentKind::kHugeChunk, true);
    }
    // All memory is somebody's, and what was given back is known to be gone.
    void use_up() {
        fill_with_chunks();
        Slot& slot = view().slot(writer_.take_slot(*segment_).index);
        EXPECT_FALSE(SlotWriter(*segment_, slot, SlotWord{SlotState::kOpen, 0, 0}).reserve(900'000));
        fill_with_chunks();
    }
};

TEST_F(HugeShortTest, EndsInWhatIsKeptBehindOneThatIsShort) {
    const HeldSlot first = open_span(200'000, 1), second = open_span(200'000, 2);
    ASSERT_EQ(word(*second.slot).place, kBlockClasses + 2);
    ASSERT_TRUE(end(first));
    segment_.release_full();
    give(kHugeBlocks);
    use_up();
    EXPECT_TRUE(end(second));
}

// What finished spans had there and nobody has becomes memory of others before anything is refused to them.
TEST_F(HugeShortTest, LeavesWhatIsFreeToOthers) {
    const HeldSlot first = open_span(200'000, 1), second = open_span(200'000, 2);
    ASSERT_TRUE(end(first) && end(second));
    segment_.release_full();
    const uint64_t before = held();
    EXPECT_GT(fill_with_chunks(), kExtents - 48);
    EXPECT_EQ(ExtentWord::unpack(view().extent_word(kFirstHuge + kHugeBlocks)).memory, ExtentMemory::kEmpty);
    EXPECT_EQ(ExtentWord::unpack(view().extent_word(kFirstHuge + kHugeBlocks + 1)).memory, ExtentMemory::kEmpty);
    EXPECT_GT(held(), before);
    EXPECT_LE(held(), kExtents * kExtentSize + kBeside + kGroupHeadSize * kExtents / kExtentsPerGroup);
}

class HugeEmptiedTest : public HugeShortTest {
protected:
    // What an agent that comes late and another thread do between the word and the memory. `finishes`: so does the
    // agent.
    void look(bool finishes) {
        const uint32_t extent = kFirstHuge + kHugeBlocks;
        const auto memory = [&](uint32_t place) {
            return ExtentWord::unpack(view().extent_word(extent + place)).memory;
        };
        const HeldSlot first = open_span(200'000, 1), second = open_span(200'000, 2);
        ASSERT_TRUE(end(first) && end(second));
        segment_.release_full();
        LevelWriter other;
        other.open(*segment_, 2);
        ExtentGiver<> giver(view());
        bool looked = false;
        g_meanwhile = [&] {
            looked = true;
            ASSERT_EQ(memory(1), ExtentMemory::kEmpty) << "the last one goes first";
            EXPECT_EQ(giver.take(extent + 1, ExtentKind::kHugeChunk, [](uint32_t, ChunkWord) {}), 1u);
            if (finishes) giver.finish(extent + 1, ExtentKind::kHugeChunk, true);
            // A large one ends in what is FREE and nobody holds.
            ASSERT_TRUE(other.make_room(*segment_, 200'000));
            EXPECT_EQ(segment_.word(extent * kChunksPerExtent).state, ChunkState::kOpen);
            memset(other.place(0), 7, 200'000);
        };
        g_step = "huge_emptied";
        fill_with_chunks();
        ASSERT_TRUE(looked);
        EXPECT_EQ(memory(1), finishes ? ExtentMemory::kEmpty : ExtentMemory::kGiving);
        EXPECT_EQ(memory(0), ExtentMemory::kWhole);
        EXPECT_TRUE(has_only(view().extent(extent) + kScopeRecordSize, 199'000, 7))
            << "nobody takes it from its writer";
        EXPECT_LE(held(), kExtents * kExtentSize + kBeside + kGroupHeadSize * kExtents / kExtentsPerGroup);
        if (!finishes) giver.finish(extent + 1, ExtentKind::kHugeChunk, true);
        other.leave(*segment_);
        segment_.release_full();
        take_steps();
        EXPECT_LE(held(), kMayKeep);
    }
};

TEST_F(HugeEmptiedTest, IsGivenByAnAgentMeanwhile) { look(true); }
TEST_F(HugeEmptiedTest, IsBeingGivenByAnAgentMeanwhile) { look(false); }

// One whose end was kept has it nevertheless.
TEST_F(HugeShortTest, LeavesWhatAnEndNeeds) {
    const HeldSlot span = open_span(200'000, 1);
    ASSERT_TRUE(end(open_span(200'000, 2)));
    segment_.release_full();
    fill_with_chunks();
    EXPECT_TRUE(end(span));
}

// Nor does the span itself spend it where it asks in vain for a larger place.
TEST_F(HugeShortTest, LeavesWhatAnEndNeedsOfASpanThatCannotGrow) {
    const HeldSlot span = open_span(200'000, 1);
    fill_with_chunks();
    EXPECT_FALSE(grow(*span.slot, 900'000, 2));
    fill_with_chunks();
    EXPECT_TRUE(end(span));
}

// A place that is used again has room for its span's end once more, or is not used.
TEST_F(HugeShortTest, IsNotUsedAgainWithoutRoomForTheEnd) {
    ASSERT_TRUE(end(open_span(200'000, 1)));
    segment_.release_full();
    give(kHugeBlocks);
    use_up();
    bool whole = true;
    const HeldSlot span = open_span(200'000, 2, &whole);
    EXPECT_TRUE(!whole || end(span));
}

TEST_F(HugeTest, IsGivenBackAndComesAgain) {
    for (int round = 0; round < 3; ++round) {
        const HeldSlot first = open_span(3'000'000, 1), second = open_span(200'000, 2);
        ASSERT_TRUE(end(first) && end(second));
        take_steps();
        EXPECT_EQ(finished().size(), 2u);
        map().each_chunk([&](uint32_t chunk) {
            if (chunk < kFirstHugeChunk || segment_.word(chunk).state != ChunkState::kFull) return;
            const uint8_t byte = segment_.word(chunk).length > kMegabyte ? 1 : 2;
            EXPECT_TRUE(has_only(view().chunk_bytes(chunk, 0) + kScopeRecordSize,
                                 segment_.word(chunk).length - kScopeRecordSize, byte))
                << "what is not acknowledged stays";
        });
        segment_.release_full();
        take_steps();
        EXPECT_LE(held(), kMayKeep) << round;
        const ExtentMap now = map();
        EXPECT_GT(now.huge_bytes(), 7 * kMegabyte);
        EXPECT_GT(now.bytes_without_memory(), now.huge_bytes() - kMegabyte) << "as an agent sees it";
    }
}

// While an agent gives it.
TEST_F(HugeTest, IsNotTakenFromWhoGivesIt) {
    ASSERT_TRUE(end(open_span(200'000, 1)));
    segment_.release_full();
    ExtentGiver<> blocks(view()), chunks(view());
    const uint32_t block = kFirstHuge, chunk = kFirstHuge + kHugeBlocks;
    ASSERT_TRUE(blocks.take_unused(block, ExtentWord::unpack(view().extent_word(block))));
    ASSERT_EQ(chunks.take(chunk, ExtentKind::kHugeChunk, [](uint32_t, ChunkWord) {}), 1u);
    const HeldSlot span = open_span(200'000, 2);
    EXPECT_EQ(word(*span.slot).place, kBlockClasses + 2) << "the next one will do";
    ASSERT_TRUE(end(span));
    EXPECT_EQ(segment_.word((chunk + 1) * kChunksPerExtent).state, ChunkState::kFull);
    blocks.finish_unused(block);
    chunks.finish(chunk, ExtentKind::kHugeChunk, true);
    const HeldSlot next = open_span(200'000, 3);
    EXPECT_EQ(word(*next.slot).place, kBlockClasses + 1);
    ASSERT_TRUE(end(next));
    EXPECT_EQ(segment_.word(chunk * kChunksPerExtent).state, ChunkState::kFull);
}

class HugeFlightRecorderTest : public HugeTest {
protected:
    HugeFlightRecorderTest() : HugeTest(with_huge(kExtents, OpenSegment::kOverwriteOldest)) {}
};

TEST_F(HugeFlightRecorderTest, NeverWaitsInItsPlace) {
    const HeldSlot span = open_span(900'000, 1);
    EXPECT_FALSE(writer_.publish_wait(*segment_, *span.slot, word(*span.slot), 77'000));
    EXPECT_TRUE(end(span));
}

TEST_F(HugeFlightRecorderTest, KeepsTheNewest) {
    for (uint8_t i = 1; i <= 20; ++i) ASSERT_TRUE(end(open_span(3'000'000 + i, i)));
    std::vector<uint32_t> lengths = finished();
    for (uint32_t& length : lengths) length -= 3'000'000 + kScopeRecordSize;
    std::sort(lengths.begin(), lengths.end());
    EXPECT_EQ(lengths, (std::vector<uint32_t>{19, 20}));
    EXPECT_EQ(sum_counters<>(view())[static_cast<size_t>(Counter::kDroppedOverwritten)], 18u);
    EXPECT_LE(held(), kExtents * kExtentSize + kBeside);
}

// Threads that open and end spans of all sizes while somebody acknowledges, and somebody gives memory back.
TEST_F(HugeTest, GoesAndComesUnderThreads) {
    constexpr int kThreads = 3, kRounds = 60;
    std::atomic<int> running = kThreads;
    std::atomic<uint32_t> strange = 0, large = 0;
    std::vector<std::thread> threads;
    for (int me = 1; me <= kThreads; ++me)
        threads.emplace_back([&, me] {
            LevelWriter writer;
            writer.open(*segment_, static_cast<uint32_t>(me));
            for (int round = 0; round < kRounds; ++round) {
                const HeldSlot held = writer.take_slot(*segment_);
                writer.publish_start(*held.slot, SlotWord{SlotState::kOpen, 0, 0});
                const auto size = static_cast<uint32_t>(round % 5 == 0 ? 2'000'000 : 70'000 * (1 + round % 7));
                SlotWriter data(*segment_, *held.slot, word(*held.slot));
                if (data.reserve(size)) {
                    memset(data.next(), me, size);
                    data.advance(size);
                    data.publish();
                    ++large;
                    const uint8_t* const at = data_of(view(), *held.slot, word(*held.slot));
                    strange += at[0] != me || at[size / 2] != me || at[size - 1] != me;
                }
                const SlotWord word = this->word(*held.slot);
                if (word.length == 0 || !writer.make_room(*segment_, word.length)) {
                    writer.publish_drop(*segment_, *held.slot, held.index, word, Counter::kDroppedFull);
                    continue;
                }
                memcpy(writer.place(0), data_of(view(), *held.slot, word), word.length);
                writer.publish_end(*segment_, *held.slot, held.index, word, word.length);
                writer.seal(*segment_);
            }
            writer.leave(*segment_);
            --running;
        });
    uint64_t most = 0;
    ExtentMap known(kExtents, true);
    uint32_t seen = 0;
    while (running != 0) {
        EXPECT_TRUE(known.update(view()));
        known.each_chunk([&](uint32_t chunk) {
            const ChunkWord word = segment_.word(chunk);
            if (word.state != ChunkState::kFull) return;
            const uint8_t* const at =
                known.chunk_capacity(chunk) == 0 ? nullptr : view().chunk_bytes(chunk, known.chunk_capacity(chunk));
            strange += word.spans == 1 && (at[kScopeRecordSize] == 0 || at[kScopeRecordSize] != at[word.length - 1]);
            seen += word.spans;
            segment_.release(chunk);
        });
        segment_->give_back_idle();
        most = std::max(most, held());
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(strange, 0u);
    EXPECT_GT(large, 0u);
    EXPECT_LE(most, kExtents * kExtentSize + kBeside);
    segment_.release_full();
    take_steps();
    EXPECT_LE(held(), kMayKeep);
}

// A place of which a part alone can be had is given back whole: who else needs it is better off.
TEST_IN_PROCESS(HugeTmpfsTest, TakesNothingOfAFullTmpfs) {
    test::SmallDirectory directory;
    SKIP_UNLESS_MOUNTED(directory);
    Clock clock;
    clock.start();
    std::vector<uint64_t> pool(Segment::pool_bytes(kExtents) / sizeof(uint64_t));
    Segment segment;
    ASSERT_EQ(segment.open(with_huge(), clock, pool.data()), 0);
    Slot& slot = segment.view().slot(segment.take_slot());
    const uint64_t before = held(directory.path());
    EXPECT_FALSE(SlotWriter(segment, slot, SlotWord{SlotState::kOpen, 0, 0}).reserve(3'000'000)) << "of 1 MiB";
    EXPECT_LE(held(directory.path()), before + 2 * kPage) << "the page that says something about it, and another";
    EXPECT_EQ(segment.view().writer().huge, 0u);
    EXPECT_NE(segment.take_block(kBlockClasses), Segment::kNone) << "there is room for what is smaller, at once";
}

}  // namespace
}  // namespace spanring::ring
