// SPDX-License-Identifier: Apache-2.0
//
// The bell by itself, then as a segment's writers ring it.
#include "ring/bell.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/bell_listener.hpp"
#include "support/open_segment.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::ring {
namespace {

using test::BellListener;

Bell bell_at(const std::string& path) {
    Bell bell;
    std::snprintf(bell.path(), kSegmentPathSize, "%s", path.c_str());
    return bell;
}

int lowest_free_descriptor() {
    const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(file);
    return file;
}

TEST(BellTest, IsHeardInTheDirectoryAndKeepsNothing) {
    test::TemporaryDirectory directory;
    const std::string path = directory.path() + "/segment";
    std::ofstream(path) << "bytes";
    BellListener listener(directory.path());
    const int descriptor = lowest_free_descriptor();
    errno = 77;
    bell_at(path).ring();
    EXPECT_EQ(errno, 77);
    EXPECT_EQ(listener.rings(), 1);
    EXPECT_EQ(lowest_free_descriptor(), descriptor);
    std::string content;
    std::ifstream(path) >> content;
    EXPECT_EQ(content, "bytes");
}

TEST(BellTest, IsSilentWhereNothingIsWithinReach) {
    test::TemporaryDirectory directory;
    BellListener listener(directory.path());
    const std::string link = directory.path() + "/link", pipe = directory.path() + "/pipe";
    std::ofstream(directory.path() + "/file") << "";
    EXPECT_EQ(listener.rings(), 1) << "it was made";
    ASSERT_EQ(symlink("file", link.c_str()), 0);
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    for (const std::string& path : {std::string(), directory.path() + "/gone", link, pipe}) {
        errno = 77;
        bell_at(path).ring();
        EXPECT_EQ(errno, 77) << path;
        EXPECT_EQ(listener.rings(), 0) << path;
    }
}

// ---- Of a segment ---------------------------------------------------------------------------------------------------

class SegmentBellTest : public ::testing::Test {
protected:
    void fall_asleep() { StdAtomics::fetch_or(policy(), PolicyBits::kAsleep, std::memory_order_relaxed); }
    uint64_t& policy() { return segment.view().control().policy; }
    void claim() {
        Loss loss;
        ChunkWriter<> writer;
        ASSERT_TRUE(segment->attach_chunk(writer, 100, false, 1, loss));
    }

    test::OpenSegment segment{8};
    BellListener listener{segment.directory().path()};
};

TEST_F(SegmentBellTest, SaysInItsHeaderThatItRings) {
    EXPECT_EQ(segment.view().header().compatible & kRingsBell, kRingsBell);
    EXPECT_EQ(segment.view().header().compatible & kRingsAtMark, kRingsAtMark);
}

TEST_F(SegmentBellTest, IsRungOnceForEachSleep) {
    for (int sleep = 0; sleep < 3; ++sleep) {
        claim();
        EXPECT_EQ(listener.rings(), 0) << "the agent is awake";
        policy() |= PolicyBits::kDisabled;  // whatever else the agent says stays
        fall_asleep();
        claim();
        EXPECT_EQ(listener.rings(), 1);
        EXPECT_EQ(policy(), PolicyBits::kDisabled);
    }
    claim();
    EXPECT_EQ(listener.rings(), 0);
}

TEST_F(SegmentBellTest, IsRungOnceWhereClaimsPassAMark) {
    uint64_t& mark = segment.view().control().bell_mark;
    const uint64_t claims = segment.view().writer().claims;
    claim();
    EXPECT_EQ(listener.rings(), 0) << "there is no mark";
    mark = claims + 3;
    claim();
    EXPECT_EQ(listener.rings(), 0);
    claim();
    EXPECT_EQ(listener.rings(), 1);
    EXPECT_EQ(mark, 0u);
    claim();
    EXPECT_EQ(listener.rings(), 0);
    mark = 1;
    claim();
    EXPECT_EQ(listener.rings(), 1) << "it was passed before it was set";
}

TEST_F(SegmentBellTest, IsRungAtAnyMarkByWhoWaits) {
    uint64_t& mark = segment.view().control().bell_mark;
    segment->wake_agent_at(Segment::kWaits);
    EXPECT_EQ(listener.rings(), 0);
    mark = segment.view().writer().claims + 1000;
    segment->wake_agent_at(Segment::kWaits);
    EXPECT_EQ(listener.rings(), 1);
    EXPECT_EQ(mark, 0u);
}

TEST_F(SegmentBellTest, IsNotRungWhereTheFileIsGone) {
    const test::PrivateDirectory& directory = segment.directory();
    for (const std::string& name : directory.files()) ASSERT_EQ(unlink((directory.path() + "/" + name).c_str()), 0);
    fall_asleep();
    claim();
    EXPECT_EQ(listener.rings(), 0);
    EXPECT_EQ(policy(), 0u) << "and not tried again";
}

}  // namespace
}  // namespace spanring::ring
