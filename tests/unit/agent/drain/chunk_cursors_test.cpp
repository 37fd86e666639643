// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "drain/chunk_cursors.hpp"
#include "support/segment_image.hpp"

namespace spanring::agent {
namespace {

using ring::ChunkFault;
using ring::ChunkState;
using ring::ChunkWord;

constexpr uint32_t kChunks = 2 * ring::kChunksPerExtent;

// ---- One cursor -----------------------------------------------------------------------------------------------------

TEST(ChunkCursorTest, BeginsWithAnySoundWord) {
    ChunkCursor cursor;
    bool begun = false;
    EXPECT_EQ(cursor.see({ChunkState::kOpen, 7, 100, 1}, 0, false, begun), ChunkFault::kNone);
    EXPECT_TRUE(begun);
    EXPECT_EQ(cursor.seen.generation, 7u);
}

TEST(ChunkCursorTest, BeginsAnewWithEachGenerationAndNotInBetween) {
    ChunkCursor cursor;
    bool begun = false;
    ASSERT_EQ(cursor.see({ChunkState::kFree, 1, 0, 0}, 0, false, begun), ChunkFault::kNone);
    ASSERT_EQ(cursor.see({ChunkState::kOpen, 2, 0, 0}, 0, false, begun), ChunkFault::kNone);
    EXPECT_TRUE(begun);
    for (int i = 0; i < 2; ++i) {
        ASSERT_EQ(cursor.see({ChunkState::kOpen, 2, 100, 1}, 0, false, begun), ChunkFault::kNone);
        EXPECT_FALSE(begun);
    }
    ASSERT_EQ(cursor.see({ChunkState::kFull, 2, 100, 1}, 0, false, begun), ChunkFault::kNone);
    EXPECT_FALSE(begun);
}

TEST(ChunkCursorTest, KeepsWhatItSawWhereAWordBreaksARule) {
    ChunkCursor cursor;
    bool begun = false;
    EXPECT_EQ(cursor.see({ChunkState::kOpen, 1, ring::kSmallChunk + 1, 0}, 0, false, begun), ChunkFault::kLength);
    EXPECT_FALSE(cursor.known);
    ASSERT_EQ(cursor.see({ChunkState::kOpen, 1, 100, 1}, 0, false, begun), ChunkFault::kNone);
    EXPECT_EQ(cursor.see({ChunkState::kOpen, 1, 50, 1}, 0, false, begun), ChunkFault::kShrunk);
    EXPECT_FALSE(begun);
    EXPECT_EQ(cursor.seen.length, 100u);
}

TEST(ChunkCursorTest, KnowsWhetherWritersMayOverwrite) {
    bool begun = false;
    for (const bool overwrite : {false, true}) {
        ChunkCursor cursor;
        ASSERT_EQ(cursor.see({ChunkState::kFull, 1, 100, 1}, 0, overwrite, begun), ChunkFault::kNone);
        EXPECT_EQ(cursor.see({ChunkState::kOpen, 5, 0, 0}, 0, overwrite, begun) == ChunkFault::kNone, overwrite);
        EXPECT_EQ(begun, overwrite);
    }
}

TEST(ChunkCursorTest, RestartsAtWhatIsAcknowledged) {
    ChunkCursor cursor;
    cursor.retired = true;
    cursor.scope = 3;
    cursor.receipt = {9, 9};
    cursor.restart(100, 2);
    EXPECT_FALSE(cursor.retired);
    EXPECT_EQ(cursor.read, 100u);
    EXPECT_EQ(cursor.read_spans, 2u);
    EXPECT_EQ(cursor.low.mark(), 100u);
    EXPECT_EQ(cursor.low.spans(), 2u);
    EXPECT_EQ(cursor.scope, kNoScope);
    EXPECT_EQ(cursor.receipt.serial, 0u);
}

// ---- All of a segment -----------------------------------------------------------------------------------------------

class CursorsTest : public ::testing::Test {
protected:
    CursorsTest() { cursors.resize(2); }

    // The chunks that one pass looks at, at most so many of them.
    std::vector<uint32_t> pass(size_t most = kChunks) {
        std::vector<uint32_t> looked;
        for (uint32_t left = cursors.count(); cursors.seek(image->view(), left) && looked.size() < most;)
            looked.push_back(cursors.advance(left));
        return looked;
    }
    void all_idle() {
        for (uint32_t chunk = 0; chunk < kChunks; ++chunk) cursors.set_idle(chunk, image->word(chunk));
    }

    test::TemporaryDirectory directory;
    test::FileImage image{directory, {.extents = 2}};
    ChunkCursors cursors;
};

TEST_F(CursorsTest, LookAtEveryChunkOnceInAPass) {
    std::vector<uint32_t> looked = pass();
    ASSERT_EQ(looked.size(), kChunks);
    std::sort(looked.begin(), looked.end());
    for (uint32_t chunk = 0; chunk < kChunks; ++chunk) EXPECT_EQ(looked[chunk], chunk);
}

TEST_F(CursorsTest, PassOverWhatIsSettledUntilItsWordMoves) {
    all_idle();
    EXPECT_TRUE(pass().empty());
    image->claim(5);
    image->claim(ring::kChunksPerExtent + 1);
    EXPECT_EQ(pass(), (std::vector<uint32_t>{5, ring::kChunksPerExtent + 1}));
    cursors.set_idle(5, image->word(5));
    EXPECT_EQ(pass(), (std::vector<uint32_t>{ring::kChunksPerExtent + 1}));
}

TEST_F(CursorsTest, LookAgainWhereSomethingElseMoved) {
    all_idle();
    cursors.look_again(7);
    EXPECT_EQ(pass(), std::vector<uint32_t>{7});
    cursors.look_at_all();
    EXPECT_EQ(pass().size(), kChunks);
}

TEST_F(CursorsTest, GoOnWhereAPassWasCut) {
    all_idle();
    for (const uint32_t chunk : {3u, 8u, 40u}) cursors.look_again(chunk);
    EXPECT_EQ(pass(2), (std::vector<uint32_t>{3, 8}));
    EXPECT_EQ(pass(2), (std::vector<uint32_t>{40, 3})) << "the last one is first, and none is left out";
    EXPECT_EQ(pass(), (std::vector<uint32_t>{8, 40, 3}));
}

TEST_F(CursorsTest, BelieveNoWordThatLooksLikeTheirOwnSign) {
    all_idle();
    cursors.look_again(4);
    ring::StdAtomics::store(image.view().chunk_line(4).word, ~uint64_t{0}, std::memory_order_release);
    EXPECT_EQ(pass(), std::vector<uint32_t>{4});
}

TEST_F(CursorsTest, LookAtChunksThatWereAdded) {
    ChunkCursors growing;
    growing.resize(1);
    EXPECT_EQ(growing.count(), ring::kChunksPerExtent);
    growing[3].read = 77;
    growing.resize(2);
    EXPECT_EQ(growing.count(), kChunks);
    EXPECT_EQ(growing[3].read, 77u);
}

}  // namespace
}  // namespace spanring::agent
