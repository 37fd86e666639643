// SPDX-License-Identifier: Apache-2.0
//
// A full segment that was asked to overwrite: the oldest full chunk goes, and what is lost with it is counted.
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "ring/level_writer.hpp"
#include "ring/segment.hpp"
#include "support/open_segment.hpp"
#include "unit/ring/claimed_chunk.hpp"

namespace spanring::ring {
namespace {

using test::attach;
using test::fill;
using test::kMe;
using test::OpenSegment;
using test::Writer;

TEST(SegmentOverwriteTest, OverwritesTheOldestFullChunkAndSaysHowManySpansWereLost) {
    OpenSegment segment(1, OpenSegment::kOverwriteOldest);
    std::vector<Writer> writers(kChunksPerExtent);
    for (Writer& writer : writers) ASSERT_TRUE(attach(segment, writer, 100, true));
    for (const uint32_t i : {4u, 2u, 5u}) {  // the order in which they fill up
        for (uint32_t span = 0; span <= i; ++span) fill(writers[i], 60);
        writers[i].seal(segment->next_sequence());
    }
    for (const uint32_t spans : {5u, 3u, 6u}) {
        Writer writer;
        Loss loss{3, 100};
        ASSERT_TRUE(segment->attach_chunk(writer, 100, false, kMe, loss));
        EXPECT_EQ(loss.spans, spans);
        const ChunkLine& line = segment.view().chunk_line(writer.chunk());
        EXPECT_EQ(line.loss_line, 3u);
        EXPECT_EQ(line.loss, 100 + spans);
        EXPECT_EQ(line.loss_generation, segment.word(writer.chunk()).generation);
    }
    Writer writer;
    EXPECT_FALSE(attach(segment, writer, 100)) << "what is still open is never overwritten";
}

TEST(SegmentOverwriteTest, CountsAsLostOnlyWhatTheAgentHasNotAcknowledged) {
    OpenSegment segment(1, OpenSegment::kOverwriteOldest);
    std::vector<Writer> writers(kChunksPerExtent);
    for (Writer& writer : writers) ASSERT_TRUE(attach(segment, writer, 100, true));
    for (int span = 0; span < 5; ++span) fill(writers[0], 60);
    const uint32_t chunk = writers[0].chunk();
    writers[0].seal(segment->next_sequence());
    segment.view().chunk_mark(chunk) = mark_of(segment.word(chunk).generation, 120, 2).pack();
    Writer writer;
    Loss loss{3, 100};
    ASSERT_TRUE(segment->attach_chunk(writer, 100, false, kMe, loss));
    EXPECT_EQ(loss.spans, 3u);
    EXPECT_EQ(segment.view().chunk_line(chunk).loss, 103u);
}

TEST(SegmentOverwriteTest, NeverOverwritesUnlessItWasAskedTo) {
    OpenSegment segment(1);
    std::vector<Writer> writers(kChunksPerExtent);
    for (Writer& writer : writers) ASSERT_TRUE(attach(segment, writer, 100, true));
    writers[0].seal(segment->next_sequence());
    Writer writer;
    EXPECT_FALSE(attach(segment, writer, 100));
}

// A writer that found nothing to overwrite looks again when another chunk has become full meanwhile.
TEST(SegmentOverwriteTest, OverwritesWhatBecameFullAfterASearchInVain) {
    OpenSegment segment(1, OpenSegment::kOverwriteOldest);
    std::vector<Writer> writers(kChunksPerExtent);
    for (Writer& writer : writers) ASSERT_TRUE(attach(segment, writer, 100, true));
    LevelWriter late;
    late.open(*segment, kMe);
    ASSERT_FALSE(late.make_room(*segment, 100)) << "all chunks are open";
    fill(writers[0], 100);
    writers[0].seal(segment->next_sequence());
    EXPECT_TRUE(late.make_room(*segment, 100));
}

}  // namespace
}  // namespace spanring::ring
