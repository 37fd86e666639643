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
    // Spans of that size in as many places as there are memory for; then all that is left goes to extents.
    std::vector<uint32_t> finish_and_fill(uint32_t size, uint32_t count) {
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
    const std::vector<uint32_t> smaller = finish_and_fill(200'000, 8);
    ASSERT_EQ(smaller.size(), 8u);
    fill_with_chunks();
    bool whole = true;
    drop(open_span(900'000, 2, &whole));
    EXPECT_FALSE(whole) << "nothing is idle yet";
    release(smaller);
    const HeldSlot span = open_span(900'000, 3, &whole);
    EXPECT_TRUE(whole);
    EXPECT_LE(held(), kExtents * kExtentSize + kBeside + kGroupHeadSize * kExtents / kExtentsPerGroup);
    EXPECT_TRUE(end(span));
}

// The same for the end of one whose own room holds the one before it.
TEST_F(HugeIdleTest, IsMemoryOfALargerOneThatEnds) {
    ASSERT_EQ(finish_and_fill(900'000, 1).size(), 1u);
    std::vector<uint32_t> smaller = finish_and_fill(200'000, 8);
    ASSERT_EQ(smaller.size(), 9u);
    std::erase_if(smaller, [](uint32_t chunk) { return chunk >= (kFirstHuge + kHugeBlocks + 8) * kChunksPerExtent; });
    ASSERT_EQ(smaller.size(), 8u);
    fill_with_chunks();
    const HeldSlot span = open_span(900'000, 2);
    release(smaller);
    EXPECT_TRUE(end(span));
    EXPECT_LE(held(), kExtents * kExtentSize + kBeside + kGroupHeadSize * kExtents / kExtentsPerGroup);
}

}  // namespace
}  // namespace spanring::ring
