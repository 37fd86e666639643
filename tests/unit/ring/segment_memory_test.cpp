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

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "ring/extent_giver.hpp"
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
std::vector<uint32_t> burst(Segment& segment) {
    std::vector<uint32_t> chunks;
    for (uint32_t i = 0; i < kBurst * parts_of(ExtentKind::kLargeChunks); ++i) {
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

// ---- Killed in between ----------------------------------------------------------------------------------------------

// A process has a burst, of which every other chunk is acknowledged, and is killed at the step. Returns false where it
// was not.
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
        const std::vector<uint32_t> chunks = burst(segment);
        for (size_t i = 0; i < chunks.size(); i += 2) acknowledge(segment.view(), chunks[i]);
        g_kill_at = step;
        take_steps(segment);
        _exit(1);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

TEST(SegmentMemoryKillTest, LeavesNothingThatAnAgentDoesNotFinish) {
    for (const char* step : {"extent_giving", "extent_moved_on", "own_chunks_punched", "extent_emptied"}) {
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
        ASSERT_TRUE(map.update(view));
        uint32_t giving = 0, full = 0;
        for (uint32_t extent = 0; extent < map.count(); ++extent) {
            const bool is = ExtentWord::unpack(view.extent_word(extent)).memory == ExtentMemory::kGiving;
            giving += is;
            if (!is) continue;
            ExtentGiver<> next(view);  // an agent, at its attachment
            if (next.take(extent, map.kind(extent), [](uint32_t, ChunkWord) {}))
                next.finish(extent, map.kind(extent), false);
        }
        EXPECT_EQ(giving, step == std::string("extent_emptied") ? 0u : 1u);
        map.each_chunk([&](uint32_t chunk) {
            const ChunkWord word = ChunkReader<>::committed(view.chunk_line(chunk));
            if (word.state != ChunkState::kFull) return;
            ++full;
            EXPECT_EQ(word.length, kLargeChunk);
            EXPECT_EQ(view.chunk_bytes(chunk, kLargeChunk)[kLargeChunk - 1], kMarker);
        });
        EXPECT_EQ(full, kBurst * 2) << "what was not acknowledged is there";
        munmap(memory, segment_size(kExtents));
        close(file);
    }
}

}  // namespace
}  // namespace spanring::ring
