// SPDX-License-Identifier: Apache-2.0
#include "segment/segment_glance.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "ring/chunk_word.hpp"
#include "support/hand_made_segment.hpp"

namespace spanring::agent {
namespace {

using ring::Counter;
using testing::HasSubstr;

class SegmentGlanceTest : public testing::Test {
protected:
    bool look() {
        const Descriptor directory(::open(segment_.directory().path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        return glance_.look(directory.get());
    }
    void count(Counter which, uint64_t value) {
        segment_.view().counter_line(0).values[static_cast<size_t>(which)] = value;
    }
    std::string file() { return segment_.directory().file(segment_.name()); }

    spanring::test::HandMadeSegment segment_;
    SegmentGlance glance_{segment_.name()};
};

TEST_F(SegmentGlanceTest, SeesAgainWhatChanges) {
    const ring::SegmentView view = segment_.view();
    view.writer().counter_lines = 1;
    count(Counter::kStarted, 5);
    count(Counter::kEnded, 5);
    segment_.write();
    const Descriptor alive = segment_.live();
    ASSERT_TRUE(look()) << glance_.problem();
    EXPECT_EQ(glance_.snapshot().producer->pid, 4711u);
    EXPECT_EQ(glance_.snapshot().used_bytes, 0u);

    view.writer().counter_lines = 2;
    count(Counter::kStarted, 9);
    count(Counter::kEnded, 7);
    view.counter_line(1).values[static_cast<size_t>(Counter::kStarted)] = 100;
    view.control().totals.acknowledged = 3;
    view.control().attachments = 1;
    view.writer().given_back = 99;
    view.chunk_line(0).word = ring::ChunkWord{ring::ChunkState::kFull, 1, 500, 3}.pack();
    view.chunk_line(1).word = ring::ChunkWord{ring::ChunkState::kOpen, 1, 100, 1}.pack();
    segment_.write();
    ASSERT_TRUE(look()) << glance_.problem();
    const SegmentSnapshot& snapshot = glance_.snapshot();
    EXPECT_EQ(snapshot.producer->pid, 4711u);
    EXPECT_TRUE(snapshot.alive);
    EXPECT_TRUE(snapshot.attached);
    EXPECT_EQ(snapshot.given_back_bytes, 99u);
    struct stat status {};
    ASSERT_EQ(::stat(file().c_str(), &status), 0);
    EXPECT_EQ(snapshot.memory_bytes, 512 * static_cast<uint64_t>(status.st_blocks));
    EXPECT_EQ(snapshot.writer[static_cast<size_t>(Counter::kStarted)], 109u);
    EXPECT_EQ(snapshot.open, 102u);
    EXPECT_EQ(snapshot.agent.acknowledged, 3u);
    EXPECT_EQ(snapshot.used_bytes, ring::kSmallChunk + 100u);
}

TEST_F(SegmentGlanceTest, ProbesTheDead) {
    const ring::SegmentView view = segment_.view();
    view.writer().counter_lines = 1;
    count(Counter::kStarted, 5);
    segment_.write();
    {
        const Descriptor alive = segment_.live();
        ASSERT_TRUE(look() && look());
        EXPECT_EQ(glance_.snapshot().open, 5u) << "by its counters";
    }
    ASSERT_TRUE(look());
    EXPECT_FALSE(glance_.snapshot().alive);
    EXPECT_EQ(glance_.snapshot().open, 0u) << "by its slots";
}

TEST_F(SegmentGlanceTest, BelievesNoNumberOfLinesAndExtents) {
    segment_.write();
    const Descriptor alive = segment_.live();
    ASSERT_TRUE(look());
    segment_.view().writer().counter_lines = UINT32_MAX;
    segment_.view().writer().extents = UINT32_MAX;
    segment_.write();
    EXPECT_TRUE(look()) << glance_.problem();
}

TEST_F(SegmentGlanceTest, SaysWhatIsWrongAndNothingOfWhatIsGone) {
    segment_.write();
    const Descriptor alive = segment_.live();
    ASSERT_TRUE(look());
    std::filesystem::resize_file(file(), 0x3800);
    EXPECT_FALSE(look());
    EXPECT_NE(glance_.problem(), "");
    std::filesystem::remove(file());
    EXPECT_FALSE(look());
    EXPECT_EQ(glance_.problem(), "");
}

}  // namespace
}  // namespace spanring::agent
