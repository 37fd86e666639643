// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "drain/chunk_cursors.hpp"
#include "support/extents.hpp"
#include "support/segment_image.hpp"

namespace spanring::agent {
namespace {

using ring::ChunkFault;
using ring::ChunkState;
using ring::ChunkWord;

// Of two sets of extents: 16 small ones, four large ones and a jumbo one each.
std::vector<uint32_t> all_chunks() {
    std::vector<uint32_t> chunks;
    for (const uint32_t set : {0u, test::kChunksOfSet}) {
        for (uint32_t place = 0; place < 16; ++place) chunks.push_back(set + place);
        for (uint32_t place = 0; place < 4; ++place) chunks.push_back(set + test::kFirstLarge + place);
        chunks.push_back(set + test::kFirstJumbo);
    }
    return chunks;
}
constexpr uint32_t kChunks = 2 * (16 + 4 + 1);

// ---- One cursor -----------------------------------------------------------------------------------------------------

TEST(ChunkCursorTest, BeginsWithAnySoundWord) {
    ChunkCursor cursor;
    bool begun = false;
    EXPECT_EQ(cursor.see({ChunkState::kOpen, 7, 100, 1}, ring::kSmallChunk, false, begun), ChunkFault::kNone);
    EXPECT_TRUE(begun);
    EXPECT_EQ(cursor.seen.generation, 7u);
}

TEST(ChunkCursorTest, BeginsAnewWithEachGenerationAndNotInBetween) {
    ChunkCursor cursor;
    bool begun = false;
    ASSERT_EQ(cursor.see({ChunkState::kFree, 1, 0, 0}, ring::kSmallChunk, false, begun), ChunkFault::kNone);
    ASSERT_EQ(cursor.see({ChunkState::kOpen, 2, 0, 0}, ring::kSmallChunk, false, begun), ChunkFault::kNone);
    EXPECT_TRUE(begun);
    for (int i = 0; i < 2; ++i) {
        ASSERT_EQ(cursor.see({ChunkState::kOpen, 2, 100, 1}, ring::kSmallChunk, false, begun), ChunkFault::kNone);
        EXPECT_FALSE(begun);
    }
    ASSERT_EQ(cursor.see({ChunkState::kFull, 2, 100, 1}, ring::kSmallChunk, false, begun), ChunkFault::kNone);
    EXPECT_FALSE(begun);
}

TEST(ChunkCursorTest, KeepsWhatItSawWhereAWordBreaksARule) {
    ChunkCursor cursor;
    bool begun = false;
    EXPECT_EQ(cursor.see({ChunkState::kOpen, 1, ring::kSmallChunk + 1, 0}, ring::kSmallChunk, false, begun),
              ChunkFault::kLength);
    EXPECT_FALSE(cursor.known);
    ASSERT_EQ(cursor.see({ChunkState::kOpen, 1, 100, 1}, ring::kSmallChunk, false, begun), ChunkFault::kNone);
    EXPECT_EQ(cursor.see({ChunkState::kOpen, 1, 50, 1}, ring::kSmallChunk, false, begun), ChunkFault::kShrunk);
    EXPECT_FALSE(begun);
    EXPECT_EQ(cursor.seen.length, 100u);
}

TEST(ChunkCursorTest, KnowsWhetherWritersMayOverwrite) {
    bool begun = false;
    for (const bool overwrite : {false, true}) {
        ChunkCursor cursor;
        ASSERT_EQ(cursor.see({ChunkState::kFull, 1, 100, 1}, ring::kSmallChunk, overwrite, begun), ChunkFault::kNone);
        EXPECT_EQ(cursor.see({ChunkState::kOpen, 5, 0, 0}, ring::kSmallChunk, overwrite, begun) == ChunkFault::kNone,
                  overwrite);
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
    CursorsTest() { cursors.extend(test::extents_of(image.view())); }

    // The chunks that one pass looks at, at most so many of them.
    std::vector<uint32_t> pass(size_t most = kChunks) {
        std::vector<uint32_t> looked;
        uint32_t looks = ~uint32_t{0};
        for (uint32_t left = cursors.count(); cursors.seek(image->view(), left, looks) && looked.size() < most;)
            looked.push_back(cursors.advance(left, looks));
        return looked;
    }
    void all_idle() {
        for (const uint32_t chunk : all_chunks()) cursors.set_idle(chunk, image->word(chunk));
    }

    test::TemporaryDirectory directory;
    test::FileImage image{directory, {.extents = 2 * test::kImageSet}};
    ChunkCursors cursors;
};

TEST_F(CursorsTest, LookAtEveryChunkOnceInAPass) {
    std::vector<uint32_t> looked = pass();
    ASSERT_EQ(looked.size(), kChunks);
    std::sort(looked.begin(), looked.end());
    EXPECT_EQ(looked, all_chunks());
}

TEST_F(CursorsTest, PassOverWhatIsSettledUntilItsWordMoves) {
    all_idle();
    EXPECT_TRUE(pass().empty());
    image->claim(5);
    image->claim(test::kChunksOfSet + 1);
    EXPECT_EQ(pass(), (std::vector<uint32_t>{5, test::kChunksOfSet + 1}));
    cursors.set_idle(5, image->word(5));
    EXPECT_EQ(pass(), (std::vector<uint32_t>{test::kChunksOfSet + 1}));
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
    for (const uint32_t chunk : {3u, 8u, test::kFirstLarge + 2}) cursors.look_again(chunk);
    EXPECT_EQ(pass(2), (std::vector<uint32_t>{3, 8}));
    EXPECT_EQ(pass(2), (std::vector<uint32_t>{test::kFirstLarge + 2, 3}))
        << "the last one is first, and none is left out";
    EXPECT_EQ(pass(), (std::vector<uint32_t>{8, test::kFirstLarge + 2, 3}));
}

TEST_F(CursorsTest, MakeARoundInSeveralPassesOfSoManyLooks) {
    all_idle();
    for (const uint32_t chunk : {3u, 8u, test::kFirstLarge + 2}) cursors.look_again(chunk);
    std::vector<uint32_t> looked;
    int passes = 0;
    for (uint32_t left = cursors.count(); left != 0; ++passes) {
        uint32_t looks = 5;
        while (cursors.seek(image->view(), left, looks)) looked.push_back(cursors.advance(left, looks));
        EXPECT_EQ(looks, left == 0 ? 5 * (passes + 1) - kChunks : 0u);
    }
    EXPECT_EQ(looked, (std::vector<uint32_t>{3, 8, test::kFirstLarge + 2}));
    EXPECT_EQ(passes, 9) << "42 chunks";
}

// A round over what is in use, after a complete one.
class CursorsInUseTest : public CursorsTest {
protected:
    CursorsInUseTest() {
        cursors.begin_round(true);
        all_idle();
        cursors.begin_round(false);
    }
    std::vector<uint32_t> round(bool claims = false) {
        std::vector<uint32_t> looked;
        uint32_t looks = ~uint32_t{0};
        for (uint32_t left = cursors.begin_round(claims); cursors.seek(image->view(), left, looks);)
            looked.push_back(cursors.advance(left, looks));
        return looked;
    }
    void settle(uint32_t chunk) { cursors.set_idle(chunk, image->word(chunk)); }
};

TEST_F(CursorsInUseTest, LookAtNothingWhereNothingIsInUse) {
    image->claim(5);
    EXPECT_EQ(cursors.begin_round(false), 0u) << "not without a claim";
    EXPECT_EQ(round(true), std::vector<uint32_t>{5});
}

TEST_F(CursorsInUseTest, FollowAChunkUntilItsOwnerLeavesIt) {
    image->claim(5);
    settle(5);
    EXPECT_TRUE(round().empty());
    image->commit(5, 1);
    EXPECT_EQ(round(), std::vector<uint32_t>{5});
    settle(5);
    image->seal(5);
    EXPECT_EQ(round(), std::vector<uint32_t>{5});
    settle(5);
    EXPECT_EQ(cursors.begin_round(false), 0u);
}

TEST_F(CursorsInUseTest, LookAtWhatAnAnswerMoved) {
    for (const uint32_t chunk : {7u, 3u}) {
        cursors.look_again(chunk);
        cursors.look_again(chunk);
    }
    EXPECT_EQ(round(), (std::vector<uint32_t>{7, 3})) << "each once";
    settle(7);
    EXPECT_EQ(round(), std::vector<uint32_t>{3});
}

TEST_F(CursorsInUseTest, LeaveToTheNextRoundWhatComesMeanwhile) {
    cursors.look_again(1);
    cursors.look_again(2);
    uint32_t left = cursors.begin_round(false), looks = ~uint32_t{0};
    ASSERT_TRUE(cursors.seek(image->view(), left, looks));
    EXPECT_EQ(cursors.advance(left, looks), 1u);
    settle(1);
    cursors.look_again(9);
    ASSERT_TRUE(cursors.seek(image->view(), left, looks));
    EXPECT_EQ(cursors.advance(left, looks), 2u);
    settle(2);
    EXPECT_FALSE(cursors.seek(image->view(), left, looks));
    EXPECT_EQ(round(), std::vector<uint32_t>{9});
}

TEST_F(CursorsInUseTest, LookAtAllChunksOnceWhereClaimsAreDistrusted) {
    image->claim(5);
    cursors.distrust_claims();
    EXPECT_EQ(round(), std::vector<uint32_t>{5});
    settle(5);
    image->claim(6);
    EXPECT_TRUE(round().empty());
}

TEST_F(CursorsTest, HaveACursorOfWhatIsUsedAlone) {
    EXPECT_FALSE(cursors.has_cursor(3));
    cursors[3].read = 5;
    cursors[test::kFirstLarge].read = 6;
    EXPECT_TRUE(cursors.has_cursor(3));
    EXPECT_FALSE(cursors.has_cursor(4));
    EXPECT_EQ(cursors[3].read, 5u);
    EXPECT_EQ(cursors[test::kFirstLarge].read, 6u);
}

TEST_F(CursorsTest, BelieveNoWordThatLooksLikeTheirOwnSign) {
    all_idle();
    cursors.look_again(4);
    ring::StdAtomics::store(image.view().chunk_line(4).word, ~uint64_t{0}, std::memory_order_release);
    EXPECT_EQ(pass(), std::vector<uint32_t>{4});
}

TEST_F(CursorsTest, LookAtChunksThatWereAdded) {
    ring::ExtentMap extents(2 * test::kImageSet);
    image.view().writer().extents = 1;
    ASSERT_TRUE(extents.update(image.view()));
    ChunkCursors growing;
    growing.extend(extents);
    EXPECT_EQ(growing.count(), ring::kChunksPerExtent);
    growing[3].read = 77;
    image.view().writer().extents = 2 * test::kImageSet;
    ASSERT_TRUE(extents.update(image.view()));
    growing.extend(extents);
    EXPECT_EQ(growing.count(), kChunks);
    EXPECT_EQ(growing[3].read, 77u);
}

}  // namespace
}  // namespace spanring::agent
