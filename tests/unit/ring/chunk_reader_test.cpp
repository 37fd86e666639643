// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "ring/chunk_reader.hpp"
#include "support/segment_image.hpp"

namespace spanring::ring {
namespace {

using Reader = ChunkReader<>;
constexpr uint32_t kCapacity = kLargeChunk;

ChunkWord word(ChunkState state, uint32_t generation, uint32_t length = 0, uint32_t spans = 0) {
    return {state, generation, length, spans};
}

TEST(ChunkReaderTest, AcceptsWhatWritersDo) {
    const ChunkWord free = word(ChunkState::kFree, 4);
    const ChunkWord open = word(ChunkState::kOpen, 5, 200, 2);
    const ChunkWord longer = word(ChunkState::kOpen, 5, 300, 3);
    const ChunkWord parked = word(ChunkState::kParked, 5, 300, 3);
    const ChunkWord full = word(ChunkState::kFull, 5, 400, 4);
    for (const auto& [last, now] : {std::pair{free, open},
                                    {free, full},
                                    {free, parked},
                                    {open, open},
                                    {open, longer},
                                    {open, full},
                                    {longer, parked},
                                    {parked, longer},
                                    {parked, full},
                                    {full, full}}) {
        EXPECT_EQ(check_transition(last, now, kCapacity, false), ChunkFault::kNone);
    }
    const ChunkWord last = word(ChunkState::kFree, ChunkWord::kGenerationMask);
    EXPECT_EQ(check_transition(last, word(ChunkState::kOpen, 0, 6), kCapacity, false), ChunkFault::kNone)
        << "generations wrap";
}

TEST(ChunkReaderTest, RefusesEachWordThatNoWriterMakes) {
    const ChunkWord open = word(ChunkState::kOpen, 5, 400, 4);
    const ChunkWord full = word(ChunkState::kFull, 5, 400, 4);
    const auto fault = [](ChunkWord last, ChunkWord now) { return check_transition(last, now, kCapacity, false); };
    EXPECT_EQ(fault(open, word(static_cast<ChunkState>(9), 5, 400, 4)), ChunkFault::kState);
    EXPECT_EQ(fault(full, word(ChunkState::kTaken, 5, 400, 4)), ChunkFault::kState);
    EXPECT_EQ(fault(open, word(ChunkState::kOpen, 5, kCapacity + 1, 4)), ChunkFault::kLength);
    EXPECT_EQ(fault(open, word(ChunkState::kOpen, 5, 400, 400)), ChunkFault::kSpans);
    EXPECT_EQ(fault(open, word(ChunkState::kOpen, 5, 399, 4)), ChunkFault::kShrunk);
    EXPECT_EQ(fault(open, word(ChunkState::kOpen, 5, 400, 3)), ChunkFault::kShrunk);
    EXPECT_EQ(fault(full, open), ChunkFault::kReopened);
    EXPECT_EQ(fault(full, word(ChunkState::kFull, 5, 500, 5)), ChunkFault::kReopened);
    EXPECT_EQ(fault(full, word(ChunkState::kFree, 5)), ChunkFault::kReopened);
    EXPECT_EQ(fault(full, word(ChunkState::kOpen, 6, 6)), ChunkFault::kGeneration);
    EXPECT_EQ(fault(word(ChunkState::kFree, 5), word(ChunkState::kOpen, 5, 6)), ChunkFault::kGeneration);
    EXPECT_EQ(fault(word(ChunkState::kFree, 5), word(ChunkState::kOpen, 7, 6)), ChunkFault::kGeneration);
    EXPECT_EQ(check_word(word(ChunkState::kFree, 5, 6), kCapacity, false), ChunkFault::kSpans);
}

TEST(ChunkReaderTest, LetsOverwritersSkipGenerationsButNotTouchWhatIsTaken) {
    const ChunkWord full = word(ChunkState::kFull, 5, 400, 4);
    const ChunkWord taken = word(ChunkState::kTaken, 5, 400, 4);
    EXPECT_EQ(check_transition(full, word(ChunkState::kOpen, 9, 6), kCapacity, true), ChunkFault::kNone);
    EXPECT_EQ(check_transition(taken, word(ChunkState::kOpen, 6, 6), kCapacity, true), ChunkFault::kState);
    EXPECT_EQ(check_transition(full, taken, kCapacity, true), ChunkFault::kState) << "only the agent takes";
}

TEST(ChunkReaderTest, LetsAWriterEvictAFullChunkThatStaysWhole) {
    const ChunkWord full = word(ChunkState::kFull, 5, 400, 4);
    const ChunkWord evicting = word(ChunkState::kEvicting, 5, 400, 4);
    const auto fault = [](ChunkWord last, ChunkWord now) { return check_transition(last, now, kCapacity, true); };
    EXPECT_EQ(fault(full, evicting), ChunkFault::kNone);
    EXPECT_EQ(fault(word(ChunkState::kOpen, 5, 300, 3), evicting), ChunkFault::kNone)
        << "several steps may lie between";
    EXPECT_EQ(fault(evicting, word(ChunkState::kOpen, 6)), ChunkFault::kNone);
    EXPECT_EQ(fault(evicting, full), ChunkFault::kNone) << "its writer vanished";
    EXPECT_EQ(check_transition(full, evicting, kCapacity, false), ChunkFault::kState)
        << "only a flight recorder evicts";
    EXPECT_EQ(fault(full, word(ChunkState::kEvicting, 5, 300, 3)), ChunkFault::kReopened);
    EXPECT_EQ(fault(evicting, word(ChunkState::kOpen, 5, 400, 4)), ChunkFault::kReopened);
    EXPECT_EQ(fault(evicting, word(ChunkState::kFull, 5, 500, 5)), ChunkFault::kReopened);
    EXPECT_EQ(fault(evicting, word(ChunkState::kTaken, 5, 400, 4)), ChunkFault::kState) << "only the agent takes";
    EXPECT_EQ(fault(word(ChunkState::kTaken, 5, 400, 4), evicting), ChunkFault::kState);
    EXPECT_EQ(fault(full, word(static_cast<ChunkState>(6), 5, 400, 4)), ChunkFault::kState);
}

TEST(ChunkReaderTest, TakesAFullChunkOnlyWhileNoWriterWon) {
    test::BufferImage image;
    image->claim(0);
    image->commit(0, 1);
    image->seal(0);
    ChunkWord seen = image->word(0);
    ChunkWord late = seen;
    ASSERT_TRUE(Reader::take(image.view().chunk_line(0), seen));
    EXPECT_EQ(seen.state, ChunkState::kTaken);
    EXPECT_EQ(image->word(0), seen);
    EXPECT_FALSE(Reader::take(image.view().chunk_line(0), late));
    EXPECT_EQ(late.state, ChunkState::kFull) << "untouched";
}

TEST(ChunkReaderTest, KnowsACopyThatWasOverwrittenMeanwhile) {
    test::BufferImage image;
    image->claim(0);
    image->commit(0, 1);
    const ChunkWord copied = image->word(0);
    image->commit(0, 2);
    const ChunkWord longer = image->word(0);
    EXPECT_TRUE(Reader::unchanged(image.view().chunk_line(0), copied)) << "it only grew";
    EXPECT_EQ(image->word(0), longer) << "asking changes nothing";
    image->set_word(0, {ChunkState::kOpen, copied.generation + 1, 0, 0});
    EXPECT_FALSE(Reader::unchanged(image.view().chunk_line(0), copied));
}

TEST(ChunkReaderTest, ResetsTheMarkBeforeTheChunkIsFreeAndCounts) {
    test::BufferImage image;
    image->claim(3);
    image->commit(3, 1);
    image->seal(3);
    const ChunkWord full = image->word(3);
    const ChunkWord freed = Reader::release(image.view(), 3, full.generation);
    EXPECT_EQ(freed, word(ChunkState::kFree, full.generation));
    EXPECT_EQ(image->word(3), freed);
    EXPECT_EQ(image->mark(3), mark_of(full.generation + 1, 0, 0));
    EXPECT_EQ(image.view().control().freed, 1u);
    image->claim(3);
    uint32_t length = 9, spans = 9;
    ASSERT_TRUE(acknowledged_part(image->mark(3), image->word(3), length, spans));
    EXPECT_EQ(length, 0u) << "a new generation begins with nothing acknowledged";
}

TEST(ChunkReaderTest, ReadsAMarkOnlyForItsOwnGeneration) {
    uint32_t length = 0, spans = 0;
    const ChunkWord full = word(ChunkState::kFull, 5, 400, 4);
    ASSERT_TRUE(acknowledged_part(mark_of(5, 200, 2), full, length, spans));
    EXPECT_EQ(length, 200u);
    EXPECT_EQ(spans, 2u);
    ASSERT_TRUE(acknowledged_part(mark_of(4, 200, 2), full, length, spans));
    EXPECT_EQ(length, 0u);
    ASSERT_TRUE(acknowledged_part(mark_of(6, 0, 0), full, length, spans)) << "killed between the reset and FREE";
    EXPECT_EQ(length, 400u);
    ASSERT_TRUE(acknowledged_part(mark_of(6, 0, 0), word(ChunkState::kOpen, 5, 400, 4), length, spans));
    EXPECT_EQ(length, 0u) << "an open chunk is never freed";
    EXPECT_FALSE(acknowledged_part(mark_of(5, 500, 4), full, length, spans));
}

}  // namespace
}  // namespace spanring::ring
