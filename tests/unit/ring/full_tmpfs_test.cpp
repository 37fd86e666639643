// SPDX-License-Identifier: Apache-2.0
//
// A tmpfs with no room left is an error code, never a SIGBUS: at birth, at growth, for counters.
#include <cerrno>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ring/extent_giver.hpp"
#include "ring/level_writer.hpp"
#include "support/child_process.hpp"
#include "support/open_segment.hpp"
#include "support/small_tmpfs.hpp"

namespace spanring::ring {
namespace {

using test::SmallDirectory;

// A segment in the directory that is named already.
struct Opened {
    static constexpr uint32_t kExtents = 64;  // 4 MiB: more than there is

    Opened() : pool(Segment::pool_bytes(kExtents) / sizeof(uint64_t)) {
        clock.start();
        error = segment.open({kExtents, 0, nullptr, 0}, clock, pool.data());
    }

    Clock clock;
    std::vector<uint64_t> pool;
    Segment segment;
    int error;
};

TEST_IN_PROCESS(FullTmpfsTest, IsAnErrorAtTheBirthOfASegmentAndLeavesNothingBehind) {
    SmallDirectory directory;
    SKIP_UNLESS_MOUNTED(directory);
    test::fill_up(directory.path());
    Opened opened;
    EXPECT_EQ(opened.error, -ENOSPC);
    EXPECT_FALSE(opened.segment);
    EXPECT_EQ(directory.files(), std::vector<std::string>{".filler"});
    test::make_room(directory.path());
    EXPECT_EQ(Opened().error, 0);
}

// The tmpfs fills at every size in turn: whatever step of the birth finds it full, nothing is left and nothing faults.
TEST_IN_PROCESS(FullTmpfsTest, IsAnErrorAtEachStepOfABirth) {
    SmallDirectory directory;
    SKIP_UNLESS_MOUNTED(directory);
    const size_t all = test::fill_up(directory.path());
    uint32_t refused = 0, made = 0;
    for (size_t left = 0; left <= all; left += 4 * kPage) {
        ASSERT_EQ(truncate((directory.path() + "/.filler").c_str(), static_cast<off_t>(all - left)), 0);
        Opened opened;
        if (opened.error == 0) {
            ++made;
            break;  // room for a whole segment
        }
        EXPECT_EQ(opened.error, -ENOSPC) << left << " bytes left";
        EXPECT_EQ(directory.files().size(), 1u) << left << " bytes left";
        ++refused;
    }
    EXPECT_GT(refused, 10u);
    EXPECT_EQ(made, 1u);
}

TEST_IN_PROCESS(FullTmpfsTest, EndsGrowthAndItGoesOnWhenThereIsRoomAgain) {
    SmallDirectory directory;
    SKIP_UNLESS_MOUNTED(directory);
    Opened opened;
    ASSERT_EQ(opened.error, 0);
    ASSERT_GT(test::fill_up(directory.path()), 0u);
    Segment& segment = opened.segment;
    std::vector<ChunkWriter<>> writers(256);
    size_t attached = 0;
    Loss loss;
    uint32_t slots = 0;
    for (; slots < kSlotsPerExtent; ++slots) memset(&segment.view().slot(segment.take_slot()), 1, kSlotSize);
    while (segment.attach_chunk(writers[attached], 100, false, 1, loss)) {
        memset(writers[attached].place(), 0xab, writers[attached].room());  // every byte may be touched
        ++attached;
    }
    EXPECT_EQ(attached, parts_of(ExtentKind::kLargeChunks)) << "what exists is used, to the last chunk";
    EXPECT_EQ(segment.take_slot(), Segment::kNone);
    EXPECT_EQ(segment.view().writer().extents, 2u);

    test::make_room(directory.path());
    while (!segment.attach_chunk(writers[attached], 100, false, 1, loss))
        usleep(1000);  // a refused growth is not tried at once
    memset(writers[attached].place(), 0xab, writers[attached].room());
    EXPECT_EQ(segment.view().writer().extents, 3u);
}

// A span of some bytes starts and ends. False: the ring is full.
bool record(Segment& segment, LevelWriter& writer) {
    constexpr uint32_t kBytes = 1000;
    if (!writer.make_room(segment, kBytes)) return false;
    const HeldSlot held = writer.take_slot(segment);
    writer.publish_start(*held.slot, {SlotState::kOpen, 0, 10});
    memset(writer.place(0), 0xab, kBytes);
    const SlotWord word = SlotWord::unpack(held.slot->word);
    writer.publish_end(segment, *held.slot, held.index, word, kBytes);
    return true;
}

// Where no agent runs nothing is ever freed: no count tells a thread that there is room again.
TEST_IN_PROCESS(FullTmpfsTest, IsNoReasonForAThreadToDropForGood) {
    SmallDirectory directory;
    SKIP_UNLESS_MOUNTED(directory);
    Opened opened;
    ASSERT_EQ(opened.error, 0);
    Segment& segment = opened.segment;
    EXPECT_EQ(segment.search_again_at(), Segment::kNever);
    LevelWriter writers[2];
    for (LevelWriter& writer : writers) {
        writer.open(segment, 1);
        ASSERT_TRUE(record(segment, writer));
    }
    test::fill_up(directory.path());
    const auto use_up = [&] {
        for (LevelWriter& writer : writers)
            while (record(segment, writer)) continue;
    };
    use_up();
    use_up();  // what the first one left of a chunk that the second could not use is none's
    const uint64_t mark = segment.freed_mark();
    EXPECT_NE(segment.search_again_at(), Segment::kNever);
    usleep(200'000);  // longer than the pause between two searches, which are in vain
    for (LevelWriter& writer : writers) EXPECT_FALSE(record(segment, writer));
    EXPECT_EQ(segment.freed_mark(), mark) << "nothing says that there is more";

    test::make_room(directory.path());
    for (LevelWriter& writer : writers)
        while (!record(segment, writer)) usleep(1000);  // or the watchdog comes
    EXPECT_EQ(segment.search_again_at(), Segment::kNever);
    for (LevelWriter& writer : writers) writer.leave(segment);
}

// Memory that an agent gave back may be somebody else's by now.
TEST_IN_PROCESS(FullTmpfsTest, RefusesAChunkWhoseMemoryWentUntilThereIsRoomAgain) {
    SmallDirectory directory;
    SKIP_UNLESS_MOUNTED(directory);
    Opened opened;
    ASSERT_EQ(opened.error, 0);
    Segment& segment = opened.segment;
    const SegmentView view = segment.view();
    ChunkWriter<> writer;
    Loss loss;
    ASSERT_TRUE(segment.attach_chunk(writer, 100, false, 1, loss));
    ASSERT_NE(segment.take_slot(), Segment::kNone);  // the second extent of the birth
    ASSERT_EQ(writer.chunk(), 0u);
    writer.seal(1);
    ChunkReader<>::release(view, 0, 1);
    ExtentGiver<> giver(view);
    ASSERT_TRUE(giver.take(0, ExtentKind::kLargeChunks, [](uint32_t, ChunkWord) {}));
    ASSERT_EQ(madvise(view.extent(0), kExtentSize, MADV_REMOVE), 0);
    giver.finish(0, ExtentKind::kLargeChunks, true);
    test::fill_up(directory.path());
    EXPECT_FALSE(segment.attach_chunk(writer, 100, false, 1, loss));
    test::make_room(directory.path());
    while (!segment.attach_chunk(writer, 100, false, 1, loss)) usleep(1000);  // a refused one is not tried at once
    memset(writer.place(), 0xab, writer.room());
    EXPECT_EQ(writer.chunk(), 0u);
    EXPECT_EQ(view.writer().extents, 2u) << "what there was comes before what is new";
}

TEST_IN_PROCESS(FullTmpfsTest, LeavesAWriterTheSharedCounters) {
    SmallDirectory directory;
    SKIP_UNLESS_MOUNTED(directory);
    Opened opened;
    ASSERT_EQ(opened.error, 0);
    test::fill_up(directory.path());
    EXPECT_NE(opened.segment.counter_line(0), nullptr);
    EXPECT_EQ(opened.segment.counter_line(kCounterLinesPerPage), nullptr);
    test::make_room(directory.path());
    EXPECT_NE(opened.segment.counter_line(kCounterLinesPerPage), nullptr);
}

TEST_IN_PROCESS(FullTmpfsTest, DoesNotTouchErrno) {
    SmallDirectory directory;
    SKIP_UNLESS_MOUNTED(directory);
    Opened opened;
    ASSERT_EQ(opened.error, 0);
    test::fill_up(directory.path());
    errno = 4711;
    EXPECT_EQ(opened.segment.counter_line(kCounterLinesPerPage), nullptr);
    EXPECT_EQ(errno, 4711) << "a span that finds the segment too small must not";
}

}  // namespace
}  // namespace spanring::ring
