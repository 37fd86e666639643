// SPDX-License-Identifier: Apache-2.0
//
// SIGKILL at each SPR_TESTPOINT that a longer life passes: growth by extents, threads that come and go, chunks parked
// and adopted. The process kills itself at the n-th label, n = 1, 2, ..., until it lives to the end.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include "hot_call.hpp"
#include "recovered_segment.hpp"
#include "support/private_directory.hpp"
#include "workload.hpp"

namespace {

struct Kill {
    std::atomic<int> countdown{0};  // 0: never
    std::atomic<const char*> where{nullptr};
    spanring::test::HotPathCounts taken;  // before it
};
Kill* g_kill = nullptr;

}  // namespace

extern "C" void spr_testpoint(const char* name) noexcept {
    if (g_kill == nullptr || g_kill->countdown.load() == 0) return;
    if (g_kill->countdown.fetch_sub(1) == 1) {
        g_kill->where = name;
        g_kill->taken.note();
        kill(getpid(), SIGKILL);
    }
}

namespace spanring::test {
namespace {

using ring::Counter;

template <class T>
T* shared() {
    void* page = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? nullptr : new (page) T;
}

// Threads one after the other, so that the order of labels is the same in each run.
void live(Truth& truth) {
    Workload workload(truth, 1 << 20);
    for (int round = 0; round < 3; ++round)
        std::thread([&] {
            for (int i = 0; i < 8; ++i) {
                const spr_span span = workload.start();
                if (round == 1) workload.fill(span);
                workload.decorate(span);
                workload.end(span);
            }
        }).join();
    // Open spans until the first extent has no slot left and the second is counted.
    for (int i = 0; i < 70; ++i) workload.start();
}

// Kills the life at each label that it passes. Returns these.
std::set<std::string> kill_at_each(void (*live)(Truth&), HotPathCounts* ret_taken = nullptr) {
    const PrivateDirectory directory;
    std::set<std::string> passed;
    bool lived = false;
    for (int n = 1; !lived && !testing::Test::HasFailure(); ++n) {
        if (n == 10'000) ADD_FAILURE() << "the workload never ends";
        Truth* truth = shared<Truth>();
        g_kill = shared<Kill>();
        g_kill->countdown = n;
        const pid_t child = fork();
        if (child == 0) {
            live(*truth);
            _exit(0);
        }
        int status = 0;
        EXPECT_EQ(waitpid(child, &status, 0), child);
        lived = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        EXPECT_TRUE(lived || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) << status;
        const char* where = lived ? "the end" : g_kill->where.load();
        passed.insert(where);
        if (ret_taken != nullptr) ret_taken->add(g_kill->taken);

        std::vector<uint8_t> image;
        std::string fault;
        if (read_segment(directory.path(), image, fault)) {
            const RecoveredSegment found = recover(image);
            EXPECT_EQ(found.fault, "") << where << ", label " << n;
            const uint64_t started = found.count(Counter::kStarted);
            const uint64_t ended = found.count(Counter::kEnded);
            EXPECT_EQ(started, ended + found.unfinished.size()) << where << ", label " << n;
            EXPECT_EQ(ended, found.ends()) << where << ", label " << n;
            EXPECT_GE(started, truth->starts_returned) << where << ", label " << n;
            EXPECT_LE(started, truth->starts_begun) << where << ", label " << n;
            EXPECT_GE(ended, truth->ends_returned) << where << ", label " << n;
            EXPECT_LE(ended, truth->ends_begun) << where << ", label " << n;
        } else {
            EXPECT_EQ(fault, "") << where << ", label " << n;
            EXPECT_EQ(truth->starts_returned, 0u) << where << ", label " << n;
        }
        for (const auto& entry : std::filesystem::directory_iterator(directory.path())) std::filesystem::remove(entry);
        munmap(truth, sizeof *truth);
        munmap(g_kill, sizeof *g_kill);
        g_kill = nullptr;
    }
    return passed;
}

TEST(TestpointTest, AKillAtAnyOfThemLeavesEverySpanExactlyOnce) {
    const std::set<std::string> passed = kill_at_each(live);
    for (const char* label :
         {"segment_opened", "segment_mapped", "segment_locked",   "segment_renamed", "thread_attached",
          "claimed",        "slot_opened",    "start_counted",    "field_published", "written_in_one_pass",
          "intent_written", "committed",      "end_counted",      "slot_cleared",    "sealed",
          "parked",         "thread_left",    "extent_populated", "extent_counted",  "the end"})
        EXPECT_TRUE(passed.count(label)) << "never killed at " << label;
}

void live_fast(Truth& truth) {
    Workload workload(truth, 1 << 20);
    make_hot_calls(workload);
}

TEST(TestpointTest, AKillAtAnyOfThemLeavesEverySpanOfTheFastWaysExactlyOnce) {
    HotPathCounts taken;
    const std::set<std::string> passed = kill_at_each(live_fast, &taken);
    for (const char* label : {"slot_opened", "start_counted", "field_published", "written_in_one_pass", "block_taken",
                              "intent_written", "committed", "end_counted", "slot_cleared", "the end"})
        EXPECT_TRUE(passed.count(label)) << "never killed at " << label;
    EXPECT_EQ(hot_calls_that_went_another_way(taken), "");
}

// In another order than they started. The slots that the thread keeps go all at once when there are too many.
void live_with_many_open(Truth& truth) {
    Workload workload(truth, 1 << 20);
    std::vector<spr_span> spans;
    for (int i = 0; i < 90; ++i) spans.push_back(workload.start());
    for (size_t i = 0; i < 90; ++i) workload.end(spans[i * 7 % 90]);
}

TEST(TestpointTest, AKillAtAnyOfThemLeavesEverySpanOfManyThatAreOpenExactlyOnce) {
    const std::set<std::string> passed = kill_at_each(live_with_many_open);
    for (const char* label : {"slot_opened", "committed", "slot_cleared", "the end"})
        EXPECT_TRUE(passed.count(label)) << "never killed at " << label;
}

void live_waiting(Truth& truth) {
    Workload workload(truth);
    workload.fill_ring_until_one_waits();
    std::thread([&] {
        for (int i = 0; i < 2; ++i) workload.end(workload.start());
    }).join();
}

TEST(TestpointTest, AKillAtAnyOfThemLeavesEverySpanThatWaitsExactlyOnce) {
    const std::set<std::string> passed = kill_at_each(live_waiting);
    for (const char* label : {"wait_intended", "wait_counted", "wait_published", "the end"})
        EXPECT_TRUE(passed.count(label)) << "never killed at " << label;
}

// Threads one after the other: what the first one leaves is the next one's.
void live_large(Truth& truth) {
    Workload workload(truth, 4 << 20);
    for (int round = 0; round < 2; ++round)
        std::thread([&] {
            workload.end(workload.start());
            const spr_span open = workload.start();
            workload.enlarge(open);
            const spr_span span = workload.start();
            workload.enlarge(span);
            workload.decorate(span);
            workload.end(span);
        }).join();
}

TEST(TestpointTest, AKillAtAnyOfThemLeavesEveryLargeSpanExactlyOnce) {
    const std::set<std::string> passed = kill_at_each(live_large);
    for (const char* label :
         {"huge_taken", "huge_counted", "huge_block_taken", "data_copied", "huge_copied", "huge_unused",
          "huge_restored", "claimed", "committed", "slot_cleared", "sealed", "the end"})
        EXPECT_TRUE(passed.count(label)) << "never killed at " << label;
}

}  // namespace
}  // namespace spanring::test
