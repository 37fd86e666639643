// SPDX-License-Identifier: Apache-2.0
//
// Memory that lies idle in huge places, and where it goes.
#include <algorithm>
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
    fill_with_chunks();
    const HeldSlot span = open_span(900'000, 2);
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
