// SPDX-License-Identifier: Apache-2.0
//
// Places for spans that are larger than an extent: what a kill leaves in between.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "ring/counter_sums.hpp"
#include "ring/level_writer.hpp"
#include "ring/recovery.hpp"
#include "ring/slot_data.hpp"
#include "ring/unfinished_span.hpp"
#include "support/child_process.hpp"
#include "support/open_segment.hpp"

namespace {

const char* g_kill_at = nullptr;  // the step at which this process ends

}  // namespace

extern "C" void spr_testpoint(const char* name) noexcept {
    if (g_kill_at != nullptr && strcmp(name, g_kill_at) == 0) kill(getpid(), SIGKILL);
}

namespace spanring::ring {
namespace {

constexpr uint32_t kExtents = 256;  // 16 MiB

uint64_t held(int file) {
    struct stat status {};
    EXPECT_EQ(fstat(file, &status), 0);
    return 512 * static_cast<uint64_t>(status.st_blocks);
}

HeldSlot open_span(Segment& segment, LevelWriter& writer, uint32_t size) {
    const HeldSlot held = writer.take_slot(segment);
    writer.publish_start(*held.slot, SlotWord{SlotState::kOpen, 0, 0});
    SlotWriter data(segment, *held.slot, SlotWord{SlotState::kOpen, 0, 0});
    if (!data.reserve(size)) _exit(3);
    memset(data.next(), 9, size);
    data.advance(size);
    data.publish();
    return held;
}
void end_span(Segment& segment, LevelWriter& writer, const HeldSlot& held, uint32_t size) {
    if (!writer.make_room(segment, size)) _exit(4);
    memset(writer.place(0), 9, size);
    writer.publish_end(segment, *held.slot, held.index, SlotWord::unpack(held.slot->word), size);
    writer.seal(segment);
}

void live(Segment& segment) {
    LevelWriter writer;
    writer.open(segment, 1);
    for (int round = 0; round < 2; ++round) {
        open_span(segment, writer, 200'000);
        end_span(segment, writer, open_span(segment, writer, 1'000'000), 1'000'000);
    }
    for (const uint32_t place : {kHugeBlocks + 8, kHugeBlocks + 9})
        ChunkReader<>::release(segment.view(), (kFirstHuge + place) * kChunksPerExtent, 1);
    for (int step = 0; step < 10; ++step) segment.give_back_idle();
    open_span(segment, writer, 1'000'000);  // in what has no memory any more
}

// Small spans until there is no room.
void fill_up(Segment& segment, LevelWriter& writer) {
    for (;;) {
        const HeldSlot held = writer.take_slot(segment);
        const SlotWord word{SlotState::kOpen, 0, 0};
        writer.publish_start(*held.slot, word);
        if (!writer.make_room(segment, 1'000))
            return writer.publish_drop(segment, *held.slot, held.index, word, Counter::kDroppedFull);
        memset(writer.place(0), 9, 1'000);
        writer.publish_end(segment, *held.slot, held.index, word, 1'000);
    }
}

// A burst that takes all extents, which is acknowledged and gives its memory back; a large span, which has it then; and
// the burst once more.
void lend(Segment& segment) {
    LevelWriter writer;
    writer.open(segment, 1);
    fill_up(segment, writer);
    const SegmentView view = segment.view();
    ExtentMap map(view.header());
    map.update(view);
    map.each_chunk([&](uint32_t chunk) {
        const ChunkWord word = ChunkReader<>::committed(view.chunk_line(chunk));
        if (word.state == ChunkState::kFull) ChunkReader<>::release(view, chunk, word.generation);
    });
    for (int step = 0; step < 20; ++step) segment.give_back_idle();
    end_span(segment, writer, open_span(segment, writer, 3'000'000), 3'000'000);
    fill_up(segment, writer);
}

// What is FREE in huge places becomes memory of extents. What is FULL stays.
void fill(Segment& segment) {
    LevelWriter writer;
    writer.open(segment, 1);
    for (uint32_t round = 0; round < 3; ++round) {
        const HeldSlot held = writer.take_slot(segment);
        writer.publish_start(*held.slot, SlotWord{SlotState::kOpen, 0, 0});
        end_span(segment, writer, held, 200'000);
    }
    for (const uint32_t place : {kHugeBlocks, kHugeBlocks + 2})
        ChunkReader<>::release(segment.view(), (kFirstHuge + place) * kChunksPerExtent, 1);
    fill_up(segment, writer);
}

constexpr struct {
    void (*what)(Segment&);
    const char* steps[16];
} kLives[] = {
    {live,
     {"huge_taken", "huge_counted", "huge_block_taken", "data_copied", "huge_unused", "claimed", "committed", "sealed",
      "slot_cleared", "extent_giving", "own_chunks_punched", "unused_giving", "own_extent_punched", "unused_emptied",
      "huge_restored"}},
    {fill, {"huge_emptied"}},
    {lend, {"extent_lending", "extent_lent", "huge_block_taken", "extent_coming_back", "extent_restored"}},
};

void kill_and_look(void (*what)(Segment&), const char* step) {
    SCOPED_TRACE(step);
    const test::PrivateDirectory directory;
    const pid_t child = fork();
    if (child == 0) {
        Clock clock;
        clock.start();
        std::vector<uint64_t> pool(Segment::pool_bytes(kExtents) / sizeof(uint64_t));
        Segment segment;
        SegmentRequest request{kExtents, 0, nullptr, 0};
        request.huge = true;
        if (setenv("SPANRING_DIR", directory.path().c_str(), 1) != 0 || segment.open(request, clock, pool.data()) != 0)
            _exit(2);
        g_kill_at = step;
        what(segment);
        _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    std::string path;
    for (const auto& entry : std::filesystem::directory_iterator(directory.path())) path = entry.path();
    const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_GE(file, 0);
    const uint64_t size = segment_size(kExtents, true);
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ASSERT_NE(memory, MAP_FAILED);
    const SegmentView view(static_cast<uint8_t*>(memory), kExtents);
    ExtentMap map(view.header());
    ASSERT_TRUE(map.update_finally(view));
    const uint64_t before = held(file);
    std::vector<uint32_t> open;
    Recovery<> recovery(view, map, view.writer().counter_lines);
    ASSERT_EQ(recovery.run(open), RecoveryFault::kNone);
    uint64_t finished = 0;
    map.each_chunk([&](uint32_t chunk) {
        const ChunkWord word = ChunkReader<>::committed(view.chunk_line(chunk));
        EXPECT_EQ(check_word(word, map.chunk_capacity(chunk), false), ChunkFault::kNone);
        for (uint32_t at = kScopeRecordSize; at < word.length; at += 4096)
            ASSERT_EQ(view.chunk_bytes(chunk, map.chunk_capacity(chunk))[at], 9);
        finished += word.spans;
    });
    for (const uint32_t slot : open) {
        SlotCopy copy;
        ASSERT_TRUE(copy_slot(view, map, slot, copy));
        for (const uint8_t byte : copy.data) ASSERT_EQ(byte, 9);
    }
    const CounterSums counters = sum_counters<>(view);
    EXPECT_EQ(counters[static_cast<size_t>(Counter::kStarted)],
              counters[static_cast<size_t>(Counter::kEnded)] + open.size());
    EXPECT_LE(finished, counters[static_cast<size_t>(Counter::kEnded)]);
    EXPECT_EQ(held(file), before) << "nothing is read that has no memory";
    munmap(memory, size);
    close(file);
}

TEST(HugeKillTest, LeavesNothingThatAnAgentDoesNotFinish) {
    for (const auto& life : kLives)
        for (const char* step : life.steps)
            if (step != nullptr) kill_and_look(life.what, step);
}

}  // namespace
}  // namespace spanring::ring
