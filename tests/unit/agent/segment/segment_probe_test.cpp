// SPDX-License-Identifier: Apache-2.0
#include "segment/segment_probe.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "ring/chunk_word.hpp"
#include "support/hand_made_segment.hpp"

namespace spanring::agent {
namespace {

using ring::Counter;
using testing::HasSubstr;

class SegmentProbeTest : public testing::Test {
protected:
    std::variant<SegmentSnapshot, std::string> probe() {
        const Descriptor directory(::open(segment_.directory().path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        return probe_segment(directory.get(), segment_.name());
    }
    std::string problem() {
        const auto result = probe();
        const auto* text = std::get_if<std::string>(&result);
        return text != nullptr ? *text : "no problem";
    }

    spanring::test::HandMadeSegment segment_;
};

TEST_F(SegmentProbeTest, ReadsCountersSlotsAndFill) {
    const ring::SegmentView view = segment_.view();
    view.writer().counter_lines = 2;
    view.counter_line(0).values[static_cast<size_t>(Counter::kStarted)] = 5;
    view.counter_line(1).values[static_cast<size_t>(Counter::kStarted)] = 6;
    view.counter_line(2).values[static_cast<size_t>(Counter::kStarted)] = 100;  // not counted: beyond counter_lines
    view.slot(spanring::test::kFirstSlot + 3).word = ring::SlotWord{ring::SlotState::kOpen, 0, 40}.pack();
    view.chunk_line(0).word = ring::ChunkWord{ring::ChunkState::kFull, 1, 500, 3}.pack();
    view.chunk_line(1).word = ring::ChunkWord{ring::ChunkState::kOpen, 1, 100, 1}.pack();
    view.control().totals.acknowledged = 2;
    view.control().attachments = 1;
    view.writer().given_back = 77;
    segment_.write();
    const auto result = probe();
    ASSERT_TRUE(std::holds_alternative<SegmentSnapshot>(result)) << problem();
    const SegmentSnapshot& snapshot = std::get<SegmentSnapshot>(result);
    EXPECT_EQ(snapshot.producer->pid, 4711u);
    EXPECT_EQ(snapshot.producer->service, "cart");
    EXPECT_EQ(snapshot.producer->program, "prog");
    EXPECT_FALSE(snapshot.alive);  // nobody holds its lock
    EXPECT_TRUE(snapshot.attached);
    EXPECT_EQ(snapshot.writer[static_cast<size_t>(Counter::kStarted)], 11u);
    EXPECT_EQ(snapshot.open, 1u);
    EXPECT_FALSE(snapshot.moving);
    EXPECT_EQ(snapshot.agent.acknowledged, 2u);
    EXPECT_EQ(snapshot.used_bytes, ring::kSmallChunk + 100u);
    EXPECT_EQ(snapshot.given_back_bytes, 77u);
    struct stat status {};
    ASSERT_EQ(::stat(segment_.file().c_str(), &status), 0);
    EXPECT_EQ(snapshot.memory_bytes, 512 * static_cast<uint64_t>(status.st_blocks));
    EXPECT_GT(snapshot.memory_bytes, 0u);
    EXPECT_EQ(snapshot.capacity_bytes, (2 * spanring::test::kImageSet - 3) * ring::kExtentSize);
}

TEST_F(SegmentProbeTest, SeesThatItsProcessLives) {
    segment_.write();
    {
        const Descriptor alive = segment_.live();
        EXPECT_TRUE(std::get<SegmentSnapshot>(probe()).alive);
    }
    EXPECT_FALSE(std::get<SegmentSnapshot>(probe()).alive);
}

TEST_F(SegmentProbeTest, SeesACallOfALivingProcessThatIsHalfDone) {
    const ring::SegmentView view = segment_.view();
    view.writer().counter_lines = 1;
    view.slot(spanring::test::kFirstSlot + 0).word = ring::SlotWord{ring::SlotState::kEnding, 0, 40}.pack();
    segment_.write();
    {
        const Descriptor alive = segment_.live();
        EXPECT_TRUE(std::get<SegmentSnapshot>(probe()).moving);
    }
    EXPECT_FALSE(std::get<SegmentSnapshot>(probe()).moving) << "of the dead nothing moves";

    view.slot(spanring::test::kFirstSlot + 0).word = ring::SlotWord{ring::SlotState::kOpen, 0, 40}.pack();
    view.slot(spanring::test::kFirstSlot + 0).started = 1;  // and the line says 0: not counted yet
    segment_.write();
    {
        const Descriptor alive = segment_.live();
        EXPECT_TRUE(std::get<SegmentSnapshot>(probe()).moving);
    }

    view.slot(spanring::test::kFirstSlot + 0).line = ~uint32_t{0};  // the shared line tells no more than its sum
    view.writer().shared_line[static_cast<size_t>(Counter::kStarted)] = 0;
    segment_.write();
    {
        const Descriptor alive = segment_.live();
        EXPECT_TRUE(std::get<SegmentSnapshot>(probe()).moving);
    }
    view.writer().shared_line[static_cast<size_t>(Counter::kStarted)] = 1;
    segment_.write();
    const Descriptor alive = segment_.live();
    EXPECT_FALSE(std::get<SegmentSnapshot>(probe()).moving);
}

TEST_F(SegmentProbeTest, SettlesTheDeadAsAnAgentWouldAndWritesNothing) {
    const ring::SegmentView view = segment_.view();
    view.writer().counter_lines = 1;
    ring::Slot& open = view.slot(spanring::test::kFirstSlot + 0);
    open.word = ring::SlotWord{ring::SlotState::kOpen, 0, 40}.pack();
    open.started = 5;
    ring::Slot& dropped = view.slot(spanring::test::kFirstSlot + 1);
    dropped.word = ring::SlotWord{ring::SlotState::kDropping, 0, 40}.pack();
    dropped.started = 4;
    dropped.intent_cause = static_cast<uint32_t>(Counter::kDroppedFull);
    dropped.intent_dropped = 1;
    dropped.intent_ended = 3;
    ring::AckJournal& journal = view.control().journal;
    journal.armed = 1;
    journal.totals.acknowledged = 2;
    segment_.write();
    const SegmentSnapshot snapshot = std::get<SegmentSnapshot>(probe());
    EXPECT_EQ(snapshot.writer[static_cast<size_t>(Counter::kStarted)], 5u);
    EXPECT_EQ(snapshot.writer[static_cast<size_t>(Counter::kEnded)], 3u);
    EXPECT_EQ(snapshot.writer[static_cast<size_t>(Counter::kDroppedFull)], 1u);
    EXPECT_EQ(snapshot.open, 1u);
    EXPECT_EQ(snapshot.agent.acknowledged, 2u);

    std::ifstream file(segment_.file(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(bytes, std::string(segment_.image().begin(), segment_.image().end()));
}

TEST_F(SegmentProbeTest, BelievesNoNumberOfTheProcess) {
    const ring::SegmentView view = segment_.view();
    view.writer().extents = UINT32_MAX;
    view.writer().counter_lines = UINT32_MAX;
    std::memset(view.extent(0), 0xff, ring::kExtentSize);
    std::memset(view.extent(1), 0xff, ring::kExtentSize);
    segment_.write();
    const auto result = probe();
    ASSERT_TRUE(std::holds_alternative<SegmentSnapshot>(result)) << problem();
    EXPECT_LE(std::get<SegmentSnapshot>(result).used_bytes, std::get<SegmentSnapshot>(result).capacity_bytes);
}

TEST_F(SegmentProbeTest, NamesWhatIsWrongWithAFile) {
    segment_.write();
    ASSERT_EQ(::truncate(segment_.file().c_str(), 4096), 0);
    EXPECT_THAT(problem(), HasSubstr("too small"));
    segment_.header.layout_major = 9;
    segment_.write();
    EXPECT_THAT(problem(), HasSubstr("layout version 9"));
    segment_.header.layout_major = ring::kLayoutMajor;
    segment_.header.ready = 0;
    segment_.write();
    EXPECT_THAT(problem(), HasSubstr("still being made"));
    segment_.header.ready = ring::kReady;
    segment_.image()[ring::kResourceOffset] = 0xff;
    segment_.write();
    EXPECT_THAT(problem(), HasSubstr("resource is malformed"));
}

}  // namespace
}  // namespace spanring::agent
