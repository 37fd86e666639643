// SPDX-License-Identifier: Apache-2.0
//
// Large spans after a burst of small ones that once took all extents: what these have no memory for any more is lent to
// huge places, and comes again.
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "ring/extent_giver.hpp"
#include "unit/ring/huge_segment.hpp"

namespace {

// What happens at a step, once.
std::atomic<const char*> g_step = nullptr;
std::function<void()> g_meanwhile;

}  // namespace

extern "C" void spr_testpoint(const char* name) noexcept {
    const char* step = g_step.load();
    if (step == nullptr || strcmp(name, step) != 0 || !g_step.compare_exchange_strong(step, nullptr)) return;
    g_meanwhile();
}

namespace spanring::ring {
namespace {

using namespace huge_test;

class LentTest : public HugeTest {
protected:
    explicit LentTest(const SegmentRequest& request = with_huge()) : HugeTest(request) {}

    static constexpr uint64_t kMost = kExtents * kExtentSize + kBeside + kGroupHeadSize * kExtents / kExtentsPerGroup;

    // Small spans until nothing has room. Returns how many extents their chunks have.
    uint32_t burst() { return fill_with_chunks(); }
    // All of it is acknowledged, and its memory given back.
    void rest() {
        segment_.release_full();
        take_steps();
        take_steps();
        ASSERT_LE(held(), 2 * kMayKeep);
    }
    uint32_t extents() const { return segment_.extents(); }
    uint32_t in_use(ExtentMemory memory) const {
        uint32_t count = 0;
        for (uint32_t extent = 0; extent < extents(); ++extent)
            count += ExtentWord::unpack(view().extent_word(extent)).memory == memory;
        return count;
    }
    // As a burst of open spans does. Returns how many there were.
    size_t take_and_give_all_slots() {
        std::vector<uint32_t> slots;
        for (uint32_t slot; (slot = segment_->take_slot()) != Segment::kNone;) slots.push_back(slot);
        for (const uint32_t slot : slots) segment_->give_slot(slot);
        return slots.size();
    }
    // In a thread that ends at that step without a destructor.
    void vanish_at(const char* step, const std::function<void()>& body) {
        g_meanwhile = [] { syscall(SYS_exit, 0); };
        g_step = step;
        std::thread(body).join();
        EXPECT_EQ(g_step.load(), nullptr) << "it did not come to " << step;
        g_step = nullptr;
    }
};

TEST_F(LentTest, ALargeSpanHasMemoryAfterABurstOfSmallOnes) {
    const uint32_t most = burst();
    ASSERT_GT(extents() + 48, kExtents) << "the burst had all but what is kept for open spans";
    for (int round = 0; round < 3; ++round) {
        rest();
        bool whole = false;
        const HeldSlot span = open_span(3'000'000, 7, &whole);
        EXPECT_TRUE(whole) << "every chunk is free and given back";
        const SlotWord word = this->word(*span.slot);
        EXPECT_TRUE(has_only(data_of(view(), *span.slot, word), word.length, 7));
        EXPECT_TRUE(end(span));
        EXPECT_TRUE(map().update(view())) << "as an agent sees it";
        EXPECT_LE(held(), kMost);
        const uint32_t beside = burst();
        EXPECT_GE(beside + 2 * extents_of_huge(1u << (kHugeBlocks - 1)), most) << "small ones have all that is left";
        EXPECT_LE(held(), kMost);
        segment_.release_full();
        EXPECT_GE(burst(), most - 8) << "and what the large one had, once it is idle";
        EXPECT_LE(held(), kMost);
    }
}

// The first ones keep their memory in any case.
TEST_F(LentTest, ALargeSpanHasMemoryAfterABurstOfOpenOnes) {
    for (int round = 0; round < 3; ++round) {
        EXPECT_GT(take_and_give_all_slots(), (round == 0 ? kExtents - 48 : 24) * kSlotsPerExtent)
            << "what chunks have they keep";
        if (round != 0) burst();
        rest();
        bool whole = false;
        const HeldSlot span = open_span(3'000'000, 7, &whole);
        EXPECT_TRUE(whole);
        EXPECT_TRUE(end(span));
        EXPECT_LE(held(), kMost);
        segment_.release_full();
    }
}

// And beside it small ones have all that it leaves, of extents that are not lent.
TEST_F(LentTest, SmallSpansHaveWhatALargeOneLeaves) {
    take_and_give_all_slots();
    rest();
    bool whole = false;
    const HeldSlot span = open_span(3'000'000, 7, &whole);
    EXPECT_TRUE(whole);
    const uint32_t large = 2 * (huge_size(kHugeBlocks - 1) + huge_size(0)) / kExtentSize;
    EXPECT_GT(fill_with_chunks() + large + 48, kExtents);
    EXPECT_LE(held(), kMost);
    EXPECT_TRUE(end(span));
}

// By a thread that comes to it when others have long taken it, used it, and its memory went.
TEST_F(LentTest, AnExtentThatIsPopulatedLateWasLentToNobody) {
    g_meanwhile = [&] {
        burst();
        ASSERT_GT(extents() + 48, kExtents);
        rest();
        EXPECT_TRUE(segment_->lend_extents(kExtents));
        EXPECT_FALSE(segment_->lend_extents(1)) << "these were all that may be lent";
    };
    uint32_t before = 0;
    for (; before < 300; ++before) {  // beyond what keeps its memory in any case
        if (before == 200) g_step = "extent_reserved";
        ChunkWriter<> writer;
        Loss loss;
        ASSERT_TRUE(segment_->attach_chunk(writer, kLargeChunk, false, 1, loss));
        writer.seal(segment_->next_sequence());
        if (before >= 200 && g_step.load() == nullptr) break;
    }
    ASSERT_LT(before, 300u) << "no extent was taken";
    EXPECT_TRUE(segment_->lend_extents(1)) << "it may be now";
    for (uint32_t extent = 0; extent < extents(); ++extent) {
        if (ExtentWord::unpack(view().extent_word(extent)).memory != ExtentMemory::kEmpty) continue;
        EXPECT_FALSE(is_in_memory(view().extent(extent), kExtentSize)) << extent << ": it is lent, and has memory";
    }
}

// What is lent is had by small spans again once nothing large is there, in whatever order they come.
TEST_F(LentTest, NothingIsLostByIt) {
    const uint32_t most = burst();
    rest();
    for (int round = 0; round < 20; ++round) {
        bool whole = false;
        ASSERT_TRUE(end(open_span(round % 2 == 0 ? 3'000'000 : 900'000, 7, &whole)) && whole) << round;
        segment_.release_full();
        if (round % 3 == 0) {
            ASSERT_GE(burst(), most - 8) << round;
            rest();
        }
        EXPECT_LE(held(), kMost);
    }
}

// An extent in which a chunk is used is not lent, nor is one that has its memory, or whose agent is at it.
TEST_F(LentTest, OnlyWhatNobodyUsesIsLent) {
    burst();
    std::vector<uint32_t> kept;
    map().each_chunk([&](uint32_t chunk) {
        if (segment_.word(chunk).state != ChunkState::kFull) return;
        if (chunk % (3 * kChunksPerExtent) == 0)
            kept.push_back(chunk);
        else
            segment_.release(chunk);
    });
    take_steps();
    take_steps();
    ExtentGiver<> giver(view());
    const auto is_empty = [&](uint32_t extent) {
        return ExtentWord::unpack(view().extent_word(extent)).memory == ExtentMemory::kEmpty;
    };
    uint32_t giving = 0;
    while (!is_empty(giving) || std::find(kept.begin(), kept.end(), giving * kChunksPerExtent) != kept.end()) ++giving;
    ASSERT_NE(giver.take(giving, map().kind(giving), [](uint32_t, ChunkWord) {}), 0u);
    EXPECT_TRUE(segment_->lend_extents(kExtents));
    EXPECT_FALSE(segment_->lend_extents(kExtents)) << "all that there were";
    giver.finish(giving, map().kind(giving), true);
    EXPECT_TRUE(segment_->lend_extents(kExtents)) << "and the one that an agent had";
    for (const uint32_t chunk : kept) {
        EXPECT_EQ(segment_.word(chunk).state, ChunkState::kFull);
        EXPECT_TRUE(segment_->has_chunk(chunk));
    }
    for (const uint32_t chunk : kept) segment_.release(chunk);
    const uint64_t before = held();
    EXPECT_TRUE(segment_->lend_extents(kExtents)) << "once they are acknowledged";
    EXPECT_LE(held() + kept.size() * kLargeChunk, before + kMayKeep) << "without what memory was left there";
}

// A chunk that a span's intent names is known, whatever became of its extent.
TEST_F(LentTest, ChunksOfWhatIsLentAreKnown) {
    burst();
    rest();
    ASSERT_TRUE(segment_->lend_extents(kExtents));
    map().each_chunk([&](uint32_t chunk) { EXPECT_TRUE(segment_->has_chunk(chunk)) << chunk; });
}

// Nor is one that is not acknowledged passed over while somebody looks whether its extent can be lent.
TEST_F(LentTest, ChunksOfWhatIsNearlyLentAreKnown) {
    burst();
    uint32_t kept = 0;
    map().each_chunk([&](uint32_t chunk) {
        if (segment_->has_chunk(chunk + 1)) kept = chunk;  // not alone in its extent, whose memory goes all the same
    });
    map().each_chunk([&](uint32_t chunk) {
        if (chunk != kept && segment_.word(chunk).state == ChunkState::kFull) segment_.release(chunk);
    });
    take_steps();
    take_steps();
    bool known = false, visited = false;
    g_meanwhile = [&] {
        known = segment_->has_chunk(kept);
        segment_->each_chunk([&](uint32_t chunk) { visited = visited || chunk == kept; });
    };
    ASSERT_TRUE(segment_->lend_extents(kExtents));
    g_step = "extent_lending";
    ASSERT_FALSE(segment_->lend_extents(1)) << "all but this one are lent";
    ASSERT_EQ(g_step.load(), nullptr);
    EXPECT_TRUE(known);
    EXPECT_TRUE(visited);
}

// An extent is of no kind for a moment: who searches just then, and finds nothing, searches again.
TEST_F(LentTest, WhoSearchesInVainMeanwhileSearchesAgain) {
    burst();
    for (bool room = true; room;) {
        ChunkWriter<> chunk;
        Loss loss;
        room = segment_->attach_chunk(chunk, kSmallChunk, false, 1, loss);
        if (room) chunk.seal(segment_->next_sequence());
    }
    uint32_t last = 0;
    map().each_chunk([&](uint32_t chunk) { last = chunk; });
    const uint32_t extent = last / kChunksPerExtent;
    for (uint32_t chunk = extent * kChunksPerExtent; chunk <= last; ++chunk) segment_.release(chunk);
    take_steps();
    take_steps();
    ASSERT_EQ(ExtentWord::unpack(view().extent_word(extent)).memory, ExtentMemory::kEmpty);
    bool room = true;
    g_meanwhile = [&] { room = writer_.make_room(*segment_, 900); };
    g_step = "extent_lending";
    ASSERT_TRUE(segment_->lend_extents(1));
    ASSERT_FALSE(room) << "all that there was is nobody's just then";
    EXPECT_TRUE(writer_.make_room(*segment_, 900));
}

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)  // their runtimes cannot lose a thread
// A thread that vanishes in the middle takes one extent with it, and no count.
TEST_F(LentTest, AThreadThatVanishesTakesOneExtent) {
    const uint32_t most = burst();
    rest();
    uint32_t lost = 0;
    for (const char* step : {"extent_lending", "extent_lent"}) {
        vanish_at(step, [&] { segment_->lend_extents(1); });
        ++lost;
    }
    segment_->lend_extents(kExtents);
    vanish_at("extent_coming_back", [&] { burst(); });
    ++lost;
    rest();
    bool whole = false;
    EXPECT_TRUE(end(open_span(3'000'000, 7, &whole)) && whole);
    segment_.release_full();
    EXPECT_GE(burst() + lost + 8, most);
    EXPECT_LE(held(), kMost);
}

// Of slots, too, and the others may be chunks.
TEST_F(LentTest, AThreadThatVanishesLeavesTheOthers) {
    take_and_give_all_slots();
    rest();
    vanish_at("extent_lending", [&] { segment_->lend_extents(1); });
    ASSERT_TRUE(segment_->lend_extents(kExtents));
    EXPECT_GT(fill_with_chunks() + 48, kExtents);
    EXPECT_LE(extents(), kExtents) << "no more than there are";
    EXPECT_TRUE(map().update(view())) << "as an agent sees it";
}
#endif

// Large spans of some threads and small ones of others, beside an agent: each is whole, and together they never have
// more than there is.
TEST_F(LentTest, OneThreadLendsWhileAnotherTakesBack) {
    constexpr int kThreads = 3, kRounds = 60;
    burst();
    rest();
    std::atomic<int> running = kThreads;
    std::atomic<uint32_t> strange = 0, large = 0, small = 0;
    std::vector<std::thread> threads;
    for (int me = 1; me <= kThreads; ++me)
        threads.emplace_back([&, me] {
            LevelWriter writer;
            writer.open(*segment_, static_cast<uint32_t>(me));
            for (int round = 0; round < kRounds; ++round) {
                const auto size = static_cast<uint32_t>(me == 1 ? 3'000'000 : me == 2 ? 900'000 : 900);
                const HeldSlot held = writer.take_slot(*segment_);
                if (!held) continue;
                writer.publish_start(*held.slot, SlotWord{SlotState::kOpen, 0, 0});
                SlotWriter data(*segment_, *held.slot, word(*held.slot));
                if (data.reserve(size)) {
                    memset(data.next(), me, size);
                    data.advance(size);
                    data.publish();
                    const uint8_t* const at = data_of(view(), *held.slot, word(*held.slot));
                    strange += at[0] != me || at[size / 2] != me || at[size - 1] != me;
                    ++(size > kJumboChunk ? large : small);
                }
                const SlotWord word = this->word(*held.slot);
                if (word.length == 0 || !writer.make_room(*segment_, word.length)) {
                    writer.publish_drop(*segment_, *held.slot, held.index, word, Counter::kDroppedFull);
                    continue;
                }
                memcpy(writer.place(0), data_of(view(), *held.slot, word), word.length);
                writer.publish_end(*segment_, *held.slot, held.index, word, word.length);
                if (size > kJumboChunk) writer.seal(*segment_);
                for (int i = 0; me == 3 && i < 2000; ++i) {  // until all extents are used
                    ChunkWriter<> chunk;
                    Loss loss;
                    if (!segment_->attach_chunk(chunk, kLargeChunk, false, 1, loss)) break;
                    memset(chunk.place(), me, kLargeChunk);
                    chunk.commit(chunk.next(kLargeChunk, 1));
                    chunk.seal(segment_->next_sequence());
                }
            }
            writer.leave(*segment_);
            --running;
        });
    ExtentMap known(kExtents, true);
    uint64_t most = 0;
    while (running != 0) {
        EXPECT_TRUE(known.update(view()));
        known.each_chunk([&](uint32_t chunk) {
            const ChunkWord word = segment_.word(chunk);
            if (word.state != ChunkState::kFull) return;
            const uint8_t* const at = view().chunk_bytes(chunk, known.chunk_capacity(chunk));
            strange += word.spans == 1 && (at[kScopeRecordSize] == 0 || at[kScopeRecordSize] != at[word.length - 1]);
            segment_.release(chunk);
        });
        segment_->give_back_idle();
        most = std::max(most, held());
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(strange, 0u);
    EXPECT_GT(large, 0u);
    EXPECT_GT(small, 0u);
    EXPECT_LE(most, kMost);
    segment_.release_full();
    take_steps();
    take_steps();
    EXPECT_LE(held(), 2 * kMayKeep);
}

}  // namespace
}  // namespace spanring::ring
