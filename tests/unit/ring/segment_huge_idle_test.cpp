// SPDX-License-Identifier: Apache-2.0
//
// Memory that lies idle in huge places, and where it goes.
#include <algorithm>
#include <deque>
#include <random>
#include <vector>

#include "support/child_process.hpp"
#include "support/small_tmpfs.hpp"
#include "unit/ring/huge_segment.hpp"

namespace spanring::ring {
namespace {

using namespace huge_test;

class HugeIdleTest : public HugeTest {
protected:
    // So many spans of that size, open at once. Returns all chunks in huge places that are FULL then.
    std::vector<uint32_t> finish(uint32_t size, uint32_t count) {
        std::vector<HeldSlot> spans;
        for (uint32_t i = 0; i < count; ++i) spans.push_back(open_span(size, 1));
        for (const HeldSlot& span : spans) EXPECT_TRUE(end(span));
        std::vector<uint32_t> chunks;
        map().each_chunk([&](uint32_t chunk) {
            if (chunk >= kFirstHugeChunk && segment_.word(chunk).state == ChunkState::kFull) chunks.push_back(chunk);
        });
        return chunks;
    }
    void release(const std::vector<uint32_t>& chunks) {
        for (const uint32_t chunk : chunks) segment_.release(chunk);
    }
};

// What finished spans had, and nobody has, is memory of a larger one that is open.
TEST_F(HugeIdleTest, IsMemoryOfALargerOneThatIsOpen) {
    const std::vector<uint32_t> smaller = finish(200'000, 8);
    ASSERT_EQ(smaller.size(), 8u);
    fill_with_chunks();
    bool whole = true;
    drop(open_span(900'000, 2, &whole));
    EXPECT_FALSE(whole) << "nothing is idle yet";
    release(smaller);
    const HeldSlot span = open_span(60'000, 3);  // in no huge place, for the end of which some would be kept
    EXPECT_TRUE(grow(*span.slot, 900'000, 3));
    EXPECT_LE(held(), kExtents * kExtentSize + kBeside + kGroupHeadSize * kExtents / kExtentsPerGroup);
    EXPECT_TRUE(end(span));
}

// The same for the end of one whose own room holds the one before it.
TEST_F(HugeIdleTest, IsMemoryOfALargerOneThatEnds) {
    ASSERT_EQ(finish(900'000, 1).size(), 1u);
    std::vector<uint32_t> smaller = finish(200'000, 8);
    ASSERT_EQ(smaller.size(), 9u);
    std::erase_if(smaller, [](uint32_t chunk) { return chunk >= (kFirstHuge + kHugeBlocks + 8) * kChunksPerExtent; });
    ASSERT_EQ(smaller.size(), 8u);
    const HeldSlot span = open_span(900'000, 2);
    fill_with_chunks();
    release(smaller);
    EXPECT_TRUE(end(span));
    EXPECT_LE(held(), kExtents * kExtentSize + kBeside + kGroupHeadSize * kExtents / kExtentsPerGroup);
}

// Of what finished ones may have, it is room for the ends of those that are open.
TEST_F(HugeIdleTest, IsRoomForTheEndOfASmallerOneThatIsOpen) {
    ASSERT_EQ(finish(3'000'000, 1).size(), 1u);
    const std::vector<uint32_t> larger = finish(3'000'000, 1);
    ASSERT_EQ(larger.size(), 2u) << "half of the memory but for a megabyte";
    release(larger);
    for (int i = 0; i < 3; ++i) {  // the second has what the larger ones had while they were open
        bool whole = false;
        open_span(900'000, 2, &whole);
        EXPECT_TRUE(whole) << i;
    }
}

// A span needs one end, however often it grew: where there is no room for two, that of the smaller place goes.
TEST_F(HugeIdleTest, IsEnoughForTheOneEndOfASpanThatGrows) {
    ASSERT_TRUE(end(open_span(1'048'700, 1)));
    const std::vector<uint32_t> first = finish(0, 0);
    ASSERT_EQ(first.size(), 1u);
    ASSERT_TRUE(end(open_span(3'000'000, 2)));
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(end(open_span(70'000, 3)));
    release(first);
    const HeldSlot span = open_span(60'000, 4);
    ASSERT_TRUE(grow(*span.slot, 524'400, 4)) << "with room for its end that the idle one had";
    EXPECT_TRUE(grow(*span.slot, 1'048'700, 4)) << "three quarters of a megabyte less than finished spans may have";
    EXPECT_TRUE(end(span));
}

// The same where that of the smaller place still has the memory of the span before.
TEST_F(HugeIdleTest, IsEnoughForTheOneEndOfASpanThatGrowsThoughItLiesIdleThere) {
    const std::vector<uint32_t> first = finish(900'000, 4);
    ASSERT_EQ(first.size(), 4u);
    ASSERT_EQ(finish(200'000, 4).size(), 8u);
    segment_.release(first.front());
    const HeldSlot span = open_span(60'000, 4);
    ASSERT_TRUE(grow(*span.slot, 524'400, 4));
    EXPECT_TRUE(grow(*span.slot, 1'048'700, 4)) << "half a megabyte less than finished spans may have";
    EXPECT_TRUE(end(span));
    EXPECT_LE(held(), kExtents * kExtentSize + kBeside + kGroupHeadSize * kExtents / kExtentsPerGroup);
}

// Where the larger place is not to be had, the smaller one has the room for its end as before.
TEST_F(HugeIdleTest, IsKeptForTheEndOfASpanThatDoesNotGrow) {
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(end(open_span(3'000'000, 1)));
    const HeldSlot span = open_span(60'000, 2);
    ASSERT_TRUE(grow(*span.slot, 524'400, 2));
    fill_with_chunks();
    EXPECT_FALSE(grow(*span.slot, 1'048'700, 2));
    for (bool whole = true; end(open_span(200'000, 3, &whole));) continue;
    EXPECT_TRUE(end(span));
}

// What open spans had, and nobody has, is memory of a larger one, and of extents.
TEST_F(HugeIdleTest, OfOpenOnesIsMemoryOfALargerOne) {
    release(finish(900'000, 4));
    bool whole = false;
    const HeldSlot span = open_span(3'000'000, 2, &whole);
    EXPECT_TRUE(whole) << "three eighths of the memory are in places of which nothing is open";
    EXPECT_TRUE(has_only(data_of(view(), *span.slot, word(*span.slot)), word(*span.slot).length, 2));
    EXPECT_TRUE(end(span));
}

TEST_F(HugeIdleTest, OfOpenOnesIsMemoryOfExtents) {
    release(finish(900'000, 4));
    EXPECT_GT(fill_with_chunks(), kExtents - 48);
    EXPECT_LE(held(), kExtents * kExtentSize + kBeside + kGroupHeadSize * kExtents / kExtentsPerGroup);
}

// One span at a time, of all sizes, before an agent that acknowledges now and then: whatever has room beside what waits
// for it is had whole, and ends.
TEST_F(HugeIdleTest, IsHadWheneverItFits) {
    constexpr uint32_t kSizes[] = {100 << 10, 300, 1 << 20, 70 << 10, 3 << 20, 5000, 250 << 10, 600 << 10};
    constexpr uint32_t kHead = 150;
    const uint32_t seed = std::random_device()();
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::deque<uint32_t> waiting;  // chunks
    uint32_t refused = 0;
    const auto acknowledge = [&](size_t count) {
        for (; count != 0 && !waiting.empty(); --count, waiting.pop_front()) segment_.release(waiting.front());
    };
    // Extents of the smallest place of which one is free, where it and what waits are no more than half of the memory.
    const auto fits = [&](uint32_t size) {
        uint32_t all = 0, full[kHugePlaces] = {};
        for (const uint32_t chunk : waiting) {
            const uint32_t place = chunk / kChunksPerExtent - kFirstHuge;
            full[place] = 1;
            all += huge_size(place) / kExtentSize;
        }
        for (uint32_t place = kHugeBlocks; place < kHugePlaces; ++place)
            if (full[place] == 0 && huge_size(place) >= size + kSpareForEnd)
                return all + huge_size(place) / kExtentSize <= kExtents / 2;
        return false;
    };
    for (uint32_t number = 0; number < 400; ++number) {
        const uint32_t size = kSizes[number % 8] + kHead;
        const bool is_huge = size > kJumboChunk, must = !is_huge || fits(size);
        const HeldSlot span = open_span(size / 2, 1);
        bool whole = grow(*span.slot, size, 1);
        EXPECT_TRUE(whole || !must) << number << ": " << waiting.size() << " wait";
        const bool ended = end(span);
        EXPECT_TRUE(ended || !must) << number << ": " << waiting.size() << " wait";
        refused += !whole || !ended;
        map().each_chunk([&](uint32_t chunk) {
            if (segment_.word(chunk).state != ChunkState::kFull) return;
            if (chunk < kFirstHugeChunk)
                segment_.release(chunk);
            else if (std::ranges::find(waiting, chunk) == waiting.end())
                waiting.push_back(chunk);
        });
        acknowledge(ended ? random() % 2 : waiting.size());
    }
    EXPECT_GT(refused, 0u) << "it was full now and then";
    EXPECT_LE(held(), kExtents * kExtentSize + kBeside);
}

// On a tmpfs with a little more than idle spans have. What they give up is there at once, whatever was refused before.
class HugeIdleTmpfsTest : public HugeIdleTest {
public:
    void fill_up() { test::fill_up(segment_.directory().path()); }
    void end_a_larger_one() {
        const HeldSlot span = open_span(900'000, 2);
        release(finish(200'000, 5));
        fill_up();
        EXPECT_TRUE(end(span));
    }
    void take_small_chunks() {
        release(finish(200'000, 5));
        fill_up();
        EXPECT_GE(fill_with_chunks(), 5 * huge_size(0) / kExtentSize);
    }
    void TestBody() override {}
};

void on_a_small_tmpfs(void (HugeIdleTmpfsTest::*test)()) {
    test::in_child([&] {
        const std::string refusal = test::mount_small_tmpfs("/dev/shm", "12m");
        if (!refusal.empty()) GTEST_SKIP() << refusal;
        (HugeIdleTmpfsTest().*test)();
    });
}

TEST(FullTmpfsTest, LeavesIdleMemoryToTheEndOfALargerOne) { on_a_small_tmpfs(&HugeIdleTmpfsTest::end_a_larger_one); }

TEST(FullTmpfsTest, LeavesIdleMemoryToSmallChunks) { on_a_small_tmpfs(&HugeIdleTmpfsTest::take_small_chunks); }

}  // namespace
}  // namespace spanring::ring
