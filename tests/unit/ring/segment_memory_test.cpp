// SPDX-License-Identifier: Apache-2.0
//
// What a process gives back of its own memory: which, when, and that whoever finds it killed in between can go on.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "ring/extent_giver.hpp"
#include "ring/level_writer.hpp"
#include "ring/segment.hpp"
#include "support/open_segment.hpp"

namespace {

const char* g_kill_at = nullptr;  // the step at which this process ends

}  // namespace

extern "C" void spr_testpoint(const char* name) noexcept {
    if (g_kill_at != nullptr && strcmp(name, g_kill_at) == 0) kill(getpid(), SIGKILL);
}

namespace spanring::ring {
namespace {

using test::OpenSegment;
using Writer = ChunkWriter<>;

constexpr uint32_t kExtents = 80;  // 5 MiB
constexpr uint32_t kBurst = 60;    // extents of it
constexpr uint64_t kMayKeep = 1 << 20;
constexpr uint8_t kMarker = 0xab;

SegmentRequest with_all_at_open() {
    SegmentRequest request{kExtents, 0, nullptr, 0};
    request.whole = true;
    return request;
}

std::string only_file(const std::string& directory) {
    std::string path;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) path = entry.path();
    return path;
}

uint64_t held(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(stat(path.c_str(), &status), 0);
    return 512 * static_cast<uint64_t>(status.st_blocks);
}

// The lock of an agent, from another process's point of view.
class AgentsLock {
public:
    explicit AgentsLock(const std::string& path) : file_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
        struct flock lock = {};
        lock.l_type = F_WRLCK;
        lock.l_whence = SEEK_SET;
        lock.l_start = lock.l_len = 1;
        has_ = fcntl(file_, F_OFD_SETLK, &lock) == 0;
    }
    ~AgentsLock() { ::close(file_); }
    AgentsLock(const AgentsLock&) = delete;
    AgentsLock& operator=(const AgentsLock&) = delete;
    bool has() const { return has_; }

private:
    int file_;
    bool has_;
};

// As many chunks as a burst fills, each with a marker in its first byte. Returns them, FULL.
std::vector<uint32_t> burst(Segment& segment, uint32_t extents = kBurst) {
    std::vector<uint32_t> chunks;
    for (uint32_t i = 0; i < extents * parts_of(ExtentKind::kLargeChunks); ++i) {
        Writer writer;
        Loss loss;
        if (!segment.attach_chunk(writer, kLargeChunk, false, 1, loss)) break;
        memset(writer.place(), kMarker, kLargeChunk);
        writer.commit(writer.next(kLargeChunk, 1));
        chunks.push_back(writer.chunk());
        writer.seal(segment.next_sequence());
    }
    return chunks;
}

// As an agent does, which is gone then.
void acknowledge(SegmentView view, uint32_t chunk) {
    ChunkReader<>::release(view, chunk, ChunkReader<>::committed(view.chunk_line(chunk)).generation);
}

void take_steps(Segment& segment) {
    for (int step = 0; step < 10; ++step) segment.give_back_idle();
}

class SegmentMemoryTest : public testing::Test {
protected:
    explicit SegmentMemoryTest(const SegmentRequest& request = {kExtents, 0, nullptr, 0}) : segment(request) {
        path = only_file(segment.directory().path());
    }
    ExtentWord word(uint32_t extent) const { return ExtentWord::unpack(segment.view().extent_word(extent)); }

    OpenSegment segment;
    std::string path;
};

TEST_F(SegmentMemoryTest, GoesWhereNoAgentRuns) {
    const std::vector<uint32_t> chunks = burst(*segment);
    ASSERT_EQ(chunks.size(), kBurst * 4);
    for (const uint32_t chunk : chunks) acknowledge(segment.view(), chunk);
    ASSERT_GT(held(path), 2 * kMayKeep);
    take_steps(*segment);
    EXPECT_LE(held(path), kMayKeep);
    EXPECT_EQ(burst(*segment).size(), kBurst * 4) << "and comes again";
    ExtentMap map(kExtents);
    EXPECT_TRUE(map.update(segment.view())) << "as an agent sees it";
}

TEST_F(SegmentMemoryTest, StaysUntilItIsAcknowledged) {
    const std::vector<uint32_t> chunks = burst(*segment);
    const uint64_t before = held(path);
    take_steps(*segment);
    EXPECT_GE(held(path), before - 3 * kLargeChunk) << "but for what was never used";
    std::set<uint32_t> kept;
    for (size_t i = 0; i < chunks.size(); ++i)
        if (i % 7 == 0)
            kept.insert(chunks[i]);
        else
            acknowledge(segment.view(), chunks[i]);
    take_steps(*segment);
    EXPECT_LE(held(path), kMayKeep + kept.size() * kLargeChunk);
    for (const uint32_t chunk : kept) {
        EXPECT_EQ(segment.word(chunk).state, ChunkState::kFull);
        EXPECT_EQ(segment.word(chunk).length, kLargeChunk);
        for (uint32_t at = 0; at < kLargeChunk; at += kPage)
            ASSERT_EQ(segment.view().chunk_bytes(chunk, kLargeChunk)[at], kMarker);
    }
    for (const uint32_t chunk : kept) acknowledge(segment.view(), chunk);
    take_steps(*segment);
    EXPECT_LE(held(path), kMayKeep) << "also of extents that are empty but for them";
}

TEST_F(SegmentMemoryTest, StaysWhereAnAgentRuns) {
    for (const uint32_t chunk : burst(*segment)) acknowledge(segment.view(), chunk);
    const uint64_t before = held(path);
    {
        const AgentsLock agent(path);
        ASSERT_TRUE(agent.has());
        take_steps(*segment);
        EXPECT_EQ(held(path), before) << "it is the agent's to give";
    }
    take_steps(*segment);
    EXPECT_LE(held(path), kMayKeep);
    EXPECT_TRUE(AgentsLock(path).has()) << "the process has let go of it";
}

TEST_F(SegmentMemoryTest, StaysAsLongAsSomethingWasFreedSinceTheLastLook) {
    const std::vector<uint32_t> chunks = burst(*segment);
    take_steps(*segment);
    for (const uint32_t chunk : chunks) acknowledge(segment.view(), chunk);
    const uint64_t before = held(path);
    segment->give_back_idle();
    EXPECT_EQ(held(path), before) << "an agent was there a moment ago";
    segment->give_back_idle();
    EXPECT_LT(held(path), before);
}

TEST_F(SegmentMemoryTest, LeavesNoTraceInTheThread) {
    for (const uint32_t chunk : burst(*segment)) acknowledge(segment.view(), chunk);
    sigset_t before, after;
    sigemptyset(&before);
    sigaddset(&before, SIGUSR1);
    ASSERT_EQ(sigprocmask(SIG_SETMASK, &before, nullptr), 0);
    const int lowest = dup(0);
    close(lowest);
    errno = EXDEV;
    take_steps(*segment);
    EXPECT_EQ(errno, EXDEV);
    ASSERT_EQ(sigprocmask(SIG_SETMASK, nullptr, &after), 0);
    for (int number = 1; number < 32; ++number) EXPECT_EQ(sigismember(&after, number), number == SIGUSR1) << number;
    const int again = dup(0);
    EXPECT_EQ(again, lowest) << "a descriptor is left open";
    close(again);
    sigemptyset(&before);
    sigprocmask(SIG_SETMASK, &before, nullptr);
}

// Where the file is out of reach, nothing goes.
TEST_F(SegmentMemoryTest, StaysWhereTheFileIsOutOfReach) {
    for (const uint32_t chunk : burst(*segment)) acknowledge(segment.view(), chunk);
    const std::string elsewhere = path + ".elsewhere";
    ASSERT_EQ(rename(path.c_str(), elsewhere.c_str()), 0);
    const uint64_t before = held(elsewhere);
    take_steps(*segment);
    EXPECT_EQ(held(elsewhere), before);
}

class WholeSegmentMemoryTest : public SegmentMemoryTest {
protected:
    WholeSegmentMemoryTest() : SegmentMemoryTest(with_all_at_open()) {}
};

TEST_F(WholeSegmentMemoryTest, StaysForGood) {
    for (const uint32_t chunk : burst(*segment)) acknowledge(segment.view(), chunk);
    const uint64_t before = held(path);
    take_steps(*segment);
    EXPECT_EQ(held(path), before);
}

// ---- Open spans -----------------------------------------------------------------------------------------------------

constexpr uint32_t kOpenExtents = 40;
constexpr uint32_t kNeverGo = 2;  // extents that keep their memory

// As many slots as fill so many extents, each with what a span writes.
std::vector<uint32_t> open_spans(Segment& segment) {
    std::vector<uint32_t> slots;
    while (slots.size() < kOpenExtents * kSlotsPerExtent) {
        slots.push_back(segment.take_slot());
        Slot& slot = segment.view().slot(slots.back());
        memset(slot.data, kMarker, sizeof slot.data);
        slot.generation += 1;
        StdAtomics::store(slot.word, SlotWord{SlotState::kOpen, 0, 100}.pack(), std::memory_order_release);
    }
    return slots;
}
void end(Segment& segment, uint32_t slot) {
    StdAtomics::store(segment.view().slot(slot).word, uint64_t{0}, std::memory_order_release);
    segment.give_slot(slot);
}
// One of every other extent.
bool stays_open(uint32_t slot) { return slot % kSlotNumbers == 7 && slot / kSlotNumbers % 2 == 1; }

uint32_t count(SegmentView view, ExtentMemory memory) {
    uint32_t all = 0;
    for (uint32_t extent = 0; extent < view.writer().extents; ++extent)
        all += ExtentWord::unpack(view.extent_word(extent)).memory == memory;
    return all;
}

TEST_F(SegmentMemoryTest, OfOpenSpansGoesOnceTheyHaveEnded) {
    for (int round = 0; round < 3; ++round) {
        const std::vector<uint32_t> slots = open_spans(*segment);
        ExtentMap before(kExtents);
        ASSERT_TRUE(before.update(segment.view()));
        EXPECT_TRUE(before.has_slot(slots.back()));
        EXPECT_EQ(before.bytes_without_memory(), 0u);
        ASSERT_GT(held(path), 2 * kMayKeep);
        const uint32_t generation = segment.view().slot(slots.back()).generation;
        const uint64_t mark = segment->freed_mark();
        for (const uint32_t slot : slots) end(*segment, slot);
        EXPECT_NE(segment->freed_mark(), mark) << "who found no chunk meanwhile is told to look again";
        EXPECT_FALSE(segment->has_slot(slots.back())) << "no call looks into it any more";
        take_steps(*segment);
        EXPECT_LE(held(path), kMayKeep);
        ExtentMap map(kExtents);
        ASSERT_TRUE(map.update(segment.view()));
        EXPECT_FALSE(map.has_slot(slots.back())) << "an agent does not look where no memory is";
        EXPECT_GE(map.bytes_without_memory(), (kOpenExtents - 16) * kExtentSize);
        map.each_slot([&](uint32_t slot) { EXPECT_EQ(segment.view().slot(slot).word, 0u); });
        EXPECT_LE(held(path), kMayKeep) << "nor makes any by that";
        const uint32_t again = segment->take_slot();
        EXPECT_LT(again / kSlotNumbers, 16u) << "what comes next is where memory was kept";
        segment->give_slot(again);
        const std::vector<uint32_t> next = open_spans(*segment);
        EXPECT_NE(segment.view().slot(slots.back()).generation, generation + 1)
            << "a handle of then names no slot of now";
        for (const uint32_t slot : next) end(*segment, slot);
    }
}

TEST_F(SegmentMemoryTest, OfOpenSpansStaysWhereAnAgentRuns) {
    for (const uint32_t slot : open_spans(*segment)) end(*segment, slot);
    const uint64_t before = held(path);
    const AgentsLock agent(path);
    ASSERT_TRUE(agent.has());
    take_steps(*segment);
    EXPECT_EQ(held(path), before) << "it is the agent's to give";
}

// A call on one of them that was under way when they were closed may look at its slot.
TEST_F(SegmentMemoryTest, OfOpenSpansStaysForTheRestOfThisLookAndTheNext) {
    segment->give_back_idle();
    for (const uint32_t slot : open_spans(*segment)) end(*segment, slot);
    const uint64_t before = held(path);
    segment->give_back_idle();
    EXPECT_EQ(held(path), before);
    segment->give_back_idle();
    EXPECT_LT(held(path), before);
}

TEST_F(SegmentMemoryTest, OfOpenSpansStaysWhereOneIsOpen) {
    const std::vector<uint32_t> slots = open_spans(*segment);
    for (const uint32_t slot : slots)
        if (!stays_open(slot)) end(*segment, slot);
    take_steps(*segment);
    for (const uint32_t slot : slots) {
        if (!stays_open(slot)) continue;
        ASSERT_TRUE(segment->has_slot(slot));
        EXPECT_EQ(SlotWord::unpack(segment.view().slot(slot).word).state, SlotState::kOpen);
        EXPECT_EQ(segment.view().slot(slot).data[kSlotInlineData - 1], kMarker);
    }
    EXPECT_LE(held(path), (kOpenExtents / 2 + kNeverGo) * kExtentSize + (128 << 10));
}

TEST_F(SegmentMemoryTest, OfOpenSpansBecomesThatOfChunks) {
    for (const uint32_t slot : open_spans(*segment)) end(*segment, slot);
    take_steps(*segment);
    EXPECT_GT(count(segment.view(), ExtentMemory::kEmpty), 0u);
    EXPECT_EQ(burst(*segment).size(), kBurst * 4) << "of 80 extents 40 had slots";
    ExtentMap map(kExtents);
    EXPECT_TRUE(map.update(segment.view()));
}

TEST_F(SegmentMemoryTest, OfBlocksGoesAsThatOfSlotsDoes) {
    std::vector<uint32_t> blocks;
    for (uint32_t i = 0; i < kOpenExtents * 4; ++i) {
        blocks.push_back(segment->take_block(3));
        ASSERT_NE(blocks.back(), Segment::kNone);
        memset(segment.view().block(blocks.back()), kMarker, block_size(3));
    }
    for (const uint32_t block : blocks) segment->give_block(block, 3);
    take_steps(*segment);
    EXPECT_LE(held(path), kMayKeep);
    for (uint32_t i = 0; i < kOpenExtents * 4; ++i) EXPECT_NE(segment->take_block(3), Segment::kNone);
}

// What a thread keeps for its next spans would keep as many extents.
TEST_F(SegmentMemoryTest, OfOpenSpansIsNotKeptByAThreadForEver) {
    burst(*segment, 20);  // more than may be kept, in any case
    LevelWriter writer;
    writer.open(*segment, 1);
    std::vector<HeldSlot> kept;
    for (int i = 0; i < 8; ++i) kept.push_back(writer.take_slot(*segment));
    for (const HeldSlot& slot : kept) writer.return_slot(*segment, *slot.slot, slot.index);
    take_steps(*segment);
    const uint32_t extent = kept[0].index / kSlotNumbers;
    EXPECT_EQ(word(extent).memory, ExtentMemory::kWhole) << "the thread has them";
    ASSERT_TRUE(writer.make_room(*segment, 100));
    take_steps(*segment);
    EXPECT_EQ(word(extent).memory, ExtentMemory::kEmpty);
    writer.leave(*segment);
}

// An agent that takes an extent in the moment when a thread wants it, and is killed, or slow.
TEST_F(SegmentMemoryTest, OfOpenSpansIsNotTakenFromAnAgentThatGivesIt) {
    const std::vector<uint32_t> slots = open_spans(*segment);
    for (const uint32_t slot : slots) end(*segment, slot);
    const SegmentView view = segment.view();
    for (uint32_t extent = 0; extent < view.writer().extents; ++extent)
        ExtentGiver<>(view).take_unused(extent, word(extent));
    const uint32_t giving = count(view, ExtentMemory::kGiving);
    EXPECT_EQ(giving, kOpenExtents - kNeverGo);
    for (const uint32_t slot : open_spans(*segment)) EXPECT_EQ(word(slot / kSlotNumbers).memory, ExtentMemory::kWhole);
    EXPECT_EQ(count(view, ExtentMemory::kGiving), giving);
    uint32_t chunks = 0;
    EXPECT_EQ(chunks = static_cast<uint32_t>(burst(*segment).size()), (kExtents - kOpenExtents - giving) * 4u);
    take_steps(*segment);  // it was killed
    EXPECT_EQ(count(view, ExtentMemory::kGiving), 0u);
    EXPECT_EQ(count(view, ExtentMemory::kEmpty), giving);
    EXPECT_GT(burst(*segment).size(), 0u);
}

// Each has slots to itself, in memory that is there, while all that nobody uses goes.
TEST_F(SegmentMemoryTest, OfOpenSpansGoesAndComesUnderThreads) {
    constexpr int kThreads = 3, kRounds = 200, kOfEach = 150;
    burst(*segment, 20);  // more than may be kept, in any case
    std::atomic<int> running = kThreads, strange = 0;
    const auto given_back = [&] {
        return StdAtomics::load(segment->view().writer().given_back, std::memory_order_relaxed);
    };
    std::vector<std::thread> threads;
    for (int me = 1; me <= kThreads; ++me)
        threads.emplace_back([&, me] {
            // On a busy machine the thread that gives back comes late.
            for (int round = 0; round < kRounds || given_back() <= kExtentSize; ++round) {
                std::vector<uint32_t> slots;
                while (slots.size() != kOfEach) slots.push_back(segment->take_slot());
                for (const uint32_t index : slots) {
                    Slot& slot = segment.view().slot(index);
                    strange += slot.word != 0;
                    memset(slot.data, me, sizeof slot.data);
                    StdAtomics::store(slot.word, SlotWord{SlotState::kOpen, 0, 100}.pack(), std::memory_order_release);
                }
                for (const uint32_t index : slots) {
                    const Slot& slot = segment.view().slot(index);
                    strange += slot.data[0] != me || slot.data[sizeof slot.data - 1] != me;
                    end(*segment, index);
                }
            }
            --running;
        });
    while (running != 0) segment->give_back_idle();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(strange, 0);
}

// ---- Killed in between ----------------------------------------------------------------------------------------------

constexpr uint32_t kChunkExtents = 30;

// A process has a burst, of which every other chunk is acknowledged, and open spans, of which one in every other extent
// stays open; it is killed at the step. Returns false where it was not.
bool die_at(const char* step, const std::string& directory) {
    const pid_t child = fork();
    if (child == 0) {
        Clock clock;
        clock.start();
        std::vector<uint64_t> pool(Segment::pool_bytes(kExtents) / sizeof(uint64_t));
        Segment segment;
        const SegmentRequest request{kExtents, 0, nullptr, 0};
        if (setenv("SPANRING_DIR", directory.c_str(), 1) != 0 || segment.open(request, clock, pool.data()) != 0)
            _exit(2);
        const std::vector<uint32_t> chunks = burst(segment, kChunkExtents);
        for (size_t i = 0; i < chunks.size(); i += 2) acknowledge(segment.view(), chunks[i]);
        const std::vector<uint32_t> slots = open_spans(segment);
        g_kill_at = step;
        for (const uint32_t slot : slots)
            if (!stays_open(slot)) end(segment, slot);
        take_steps(segment);
        // In what has no memory any more.
        for (const uint32_t slot : slots)
            if (!stays_open(slot)) segment.take_slot();
        _exit(1);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

TEST(SegmentMemoryKillTest, LeavesNothingThatAnAgentDoesNotFinish) {
    const std::set<std::string> while_giving = {"extent_giving", "extent_moved_on", "own_chunks_punched",
                                                "unused_giving", "own_extent_punched"};
    for (const char* step :
         {"extent_giving", "extent_moved_on", "own_chunks_punched", "extent_emptied", "extent_unused", "unused_giving",
          "own_extent_punched", "unused_emptied", "extent_taken_back"}) {
        SCOPED_TRACE(step);
        const test::PrivateDirectory directory;
        ASSERT_TRUE(die_at(step, directory.path()));
        const std::string path = only_file(directory.path());
        EXPECT_TRUE(AgentsLock(path).has()) << "the lock went with the process";
        const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        ASSERT_GE(file, 0);
        void* memory = mmap(nullptr, segment_size(kExtents), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        ASSERT_NE(memory, MAP_FAILED);
        const SegmentView view(static_cast<uint8_t*>(memory));
        ExtentMap map(kExtents);
        ASSERT_TRUE(map.update_finally(view));
        EXPECT_EQ(count(view, ExtentMemory::kGiving), while_giving.count(step));
        for (uint32_t extent = 0; extent < map.count(); ++extent) {
            const auto word = ExtentWord::unpack(view.extent_word(extent));
            if (word.memory != ExtentMemory::kGiving) continue;
            ExtentGiver<> next(view);  // an agent, at its attachment
            if (next.take_unused(extent, word))
                next.finish_unused(extent);
            else if (next.take(extent, map.kind(extent), [](uint32_t, ChunkWord) {}))
                next.finish(extent, map.kind(extent), false);
        }
        EXPECT_EQ(count(view, ExtentMemory::kGiving), 0u);
        const uint64_t before = held(path);
        uint32_t open = 0, full = 0;
        map.each_slot([&](uint32_t slot) {
            const SlotWord word = SlotWord::unpack(view.slot(slot).word);
            if (word.state == SlotState::kFree) return;
            ++open;
            EXPECT_EQ(word.length, 100u);
            EXPECT_EQ(view.slot(slot).data[99], kMarker);
        });
        EXPECT_GE(open, kOpenExtents / 2) << "every open span is there";
        EXPECT_EQ(held(path), before) << "and nothing is read that has no memory";
        map.each_chunk([&](uint32_t chunk) {
            const ChunkWord word = ChunkReader<>::committed(view.chunk_line(chunk));
            if (word.state != ChunkState::kFull) return;
            ++full;
            EXPECT_EQ(word.length, kLargeChunk);
            EXPECT_EQ(view.chunk_bytes(chunk, kLargeChunk)[kLargeChunk - 1], kMarker);
        });
        EXPECT_EQ(full, kChunkExtents * 2) << "what was not acknowledged is there";
        munmap(memory, segment_size(kExtents));
        close(file);
    }
}

}  // namespace
}  // namespace spanring::ring
