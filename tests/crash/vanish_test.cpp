// SPDX-License-Identifier: Apache-2.0
//
// A thread ends by the bare system call in the middle of what it does: no destructor runs, and its process goes on. The
// others take its things over, and in the end the process is killed: everything is counted exactly each time.
//
// At the n-th SPR_TESTPOINT that the thread passes, n = 1, 2, ..., until it lives to the end; and behind the n-th
// instruction that changed anything which another thread or the agent goes by: another process steps it, and has it
// jump to the system call there. (Where nothing has changed since, vanishing comes to the same.)
#include <gtest/gtest.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>
#include <string>
#include <thread>

#include "hot_call.hpp"
#include "recovered_segment.hpp"
#include "stepped_clock.hpp"
#include "support/private_directory.hpp"
#include "survivors.hpp"
#include "trace/process/provider.hpp"
#include "workload.hpp"

namespace {

struct Vanish {                               // on a page that parent and child share
    std::atomic<const char*> where{nullptr};  // the label; nullptr: it lived to the end
    std::atomic<int> thread{0};
    std::atomic<bool> go{false}, done{false};  // the stretch begins, is over
    spanring::trace::Life* life = nullptr;     // in the child
    const uint8_t* segment = nullptr;          // as well
    char verdict[512] = {};                    // of the survivors
    spanring::test::HotPathCounts taken;       // by the thread
    uint64_t clock = 0;                        // of the thread: SteppedClock
    uint32_t lost_slots = 0, lost_blocks = 0, lost_evicting = 0;
};
Vanish* g_vanish = nullptr;
thread_local int g_countdown = 0;           // 0: never
thread_local jmp_buf* g_way_out = nullptr;  // set: the thread leaves the call and ends with its destructors

}  // namespace

extern "C" void spr_testpoint(const char* name) noexcept {
    if (g_countdown == 0 || --g_countdown != 0) return;
    g_vanish->where = name;
    g_vanish->taken.note();
    if (g_way_out != nullptr) longjmp(*g_way_out, 1);
    syscall(SYS_exit, 0);
}

namespace spanring::test {
namespace {

using ring::Counter;

constexpr unsigned kWatchdog = 60;  // seconds; ends a child that waits in vain

template <class T>
T* shared() {
    void* page = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? nullptr : new (page) T;
}

struct Scenario {
    const char* name;
    uint32_t full_policy;
    void (*before)(Workload&);     // on the main thread
    void (*doomed)(Workload&);     // on the thread that vanishes
    std::set<std::string> labels;  // some that it must have vanished at
    bool is_fast = false;          // it must have gone each of the fast ways
};

void one_span(Workload& workload) {
    const spr_span span = workload.start();
    workload.decorate(span);
    workload.end(span);
}
void large_spans(Workload& workload) {
    for (int i = 0; i < 2; ++i) {
        const spr_span span = workload.start();
        workload.fill(span);
        workload.end(span);
    }
}

const Scenario kScenarios[] = {
    {"a thread's first spans, and its end",
     SPR_FULL_DROP_NEWEST,
     [](Workload& workload) { workload.warm_up(); },
     [](Workload& workload) {
         one_span(workload);
         large_spans(workload);
     },
     {"thread_attached", "slot_opened", "start_counted", "field_published", "written_in_one_pass", "claimed",
      "intent_written", "committed", "end_counted", "slot_cleared", "sealed", "parked", "thread_left"}},
    {"the fast ways",
     SPR_FULL_DROP_NEWEST,
     [](Workload& workload) { workload.warm_up(); },
     make_hot_calls,
     {"slot_opened", "field_published", "written_in_one_pass", "block_taken", "intent_written", "committed",
      "end_counted", "slot_cleared"},
     true},
    {"another one's chunk",
     SPR_FULL_DROP_NEWEST,
     [](Workload& workload) {
         workload.warm_up();
         std::thread([&] { one_span(workload); }).join();
     },
     one_span,
     {"adopted", "committed", "parked"}},
    {"a full ring",
     SPR_FULL_DROP_NEWEST,
     [](Workload& workload) {
         workload.warm_up();
         workload.fill_ring();
     },
     large_spans,
     {"drop_intended", "drop_counted", "slot_cleared"}},
    {"a ring in which spans wait",
     SPR_FULL_DROP_NEWEST,
     [](Workload& workload) {
         workload.warm_up();
         workload.fill_ring_until_one_waits();
     },
     large_spans,
     {"wait_intended", "wait_counted", "wait_published"}},
    {"a flight recorder",
     SPR_FULL_OVERWRITE_OLDEST,
     [](Workload& workload) {
         workload.warm_up();
         workload.fill_ring();
     },
     large_spans,
     {"evicting", "loss_disarmed", "loss_written", "loss_armed", "overwritten", "loss_counted", "committed"}},
};

class VanishingTest : public ::testing::Test {
protected:
    // What the child does when the thread has vanished. Never returns.
    [[noreturn]] static void outlive(Workload& workload, bool reap) {
        if (reap) {
            const Survival survival = survive(workload, g_vanish->thread);
            strncpy(g_vanish->verdict, survival.fault.c_str(), sizeof g_vanish->verdict - 1);
            g_vanish->lost_slots = survival.lost_slots;
            g_vanish->lost_blocks = survival.lost_blocks;
            g_vanish->lost_evicting = survival.lost_evicting;
        }
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }

    // What the parent finds when the child is dead.
    void check(pid_t child, const Truth& truth, const std::string& at) {
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status << ": " << at;
        EXPECT_STREQ(g_vanish->verdict, "") << at;
        std::vector<uint8_t> image;
        std::string fault;
        ASSERT_TRUE(read_segment(directory_.path(), image, fault)) << fault << ": " << at;
        const RecoveredSegment found = recover(image);
        EXPECT_EQ(found.fault, "") << at;
        EXPECT_EQ(found.count(Counter::kStarted), found.count(Counter::kEnded) + found.unfinished.size()) << at;
        EXPECT_EQ(found.count(Counter::kEnded), found.ends()) << at;
        EXPECT_GE(found.count(Counter::kStarted), truth.starts_returned) << at;
        EXPECT_LE(found.count(Counter::kStarted), truth.starts_begun) << at;
        EXPECT_GE(found.count(Counter::kEnded), truth.ends_returned) << at;
        EXPECT_LE(found.count(Counter::kEnded), truth.ends_begun) << at;
        std::set<std::string> once(found.complete.begin(), found.complete.end());
        once.insert(found.unfinished.begin(), found.unfinished.end());
        EXPECT_EQ(once.size(), found.complete.size() + found.unfinished.size()) << "twice: " << at;
        for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) std::filesystem::remove(entry);
    }

    enum class End { kVanish, kVanishAndKill, kJump };

    void run(const Scenario& scenario, End end) {
        const bool reap = end != End::kVanishAndKill;
        std::set<std::string> passed;
        HotPathCounts taken;
        for (int label = 1; !HasFailure(); ++label) {
            ASSERT_LT(label, 1000) << "the thread never ends";
            Truth* truth = shared<Truth>();
            g_vanish = shared<Vanish>();
            const pid_t child = fork();
            if (child == 0) {
                alarm(kWatchdog);
                Workload workload(*truth, 512 << 10, scenario.full_policy);
                scenario.before(workload);
                std::thread([&] {
                    g_vanish->thread = static_cast<int>(syscall(SYS_gettid));
                    jmp_buf way_out;
                    if (end == End::kJump) g_way_out = &way_out;
                    if (setjmp(way_out) != 0) return;
                    g_countdown = label;
                    forget_hot_paths();
                    scenario.doomed(workload);
                    g_countdown = end == End::kJump ? 0 : g_countdown;  // nowhere to jump to from its destructors
                }).join();
                outlive(workload, reap);
            }
            siginfo_t info;
            ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
            const char* where = g_vanish->where;
            const std::string label_name = where == nullptr ? "the end" : where;
            const std::string at = std::string(scenario.name) + ", " + label_name + ", label " + std::to_string(label);
            check(child, *truth, at);
            // Only what was free already and had not been given back yet; and the extent that it was closing or
            // turning.
            const bool free = label_name == "slot_cleared";
            const std::set<std::string> inside = {"extent_unused", "extent_taken_back", "extent_turned"};
            const bool turning = inside.count(label_name) != 0;
            EXPECT_TRUE(turning || g_vanish->lost_slots == (free && reap ? 1 : 0))
                << g_vanish->lost_slots << ", " << at;
            EXPECT_TRUE(free || turning || g_vanish->lost_blocks == 0) << at;
            EXPECT_LE(g_vanish->lost_slots, ring::kSlotsPerExtent) << at;
            EXPECT_LE(g_vanish->lost_blocks, ring::kBlockNumbers) << at;
            EXPECT_EQ(g_vanish->lost_evicting, 0u) << at;
            passed.insert(label_name);
            taken.add(g_vanish->taken);
            munmap(truth, sizeof *truth);
            munmap(g_vanish, sizeof *g_vanish);
            g_vanish = nullptr;
            if (where == nullptr) break;
        }
        for (const std::string& label : scenario.labels)
            EXPECT_TRUE(passed.count(label) || HasFailure() || (end == End::kJump && in_destructors(label)))
                << scenario.name << ": never vanished at " << label;
        if (scenario.is_fast && !HasFailure()) {
            EXPECT_EQ(hot_calls_that_went_another_way(taken), "");
        }
    }

    static bool in_destructors(const std::string& label) { return label == "parked" || label == "thread_left"; }

    PrivateDirectory directory_;
};

TEST_F(VanishingTest, AtAnyTestpointLeavesTheOthersWithExactCounts) {
    for (const Scenario& scenario : kScenarios) run(scenario, End::kVanish);
}

TEST_F(VanishingTest, AtAnyTestpointAndThenTheProcessToo) {
    for (const Scenario& scenario : kScenarios) run(scenario, End::kVanishAndKill);
}

// Cancelled, or ended by a handler, in the middle of a call: its destructors run, but the call is never finished.
TEST_F(VanishingTest, WithDestructorsAtAnyTestpointLeavesTheOthersWithExactCounts) {
    for (const Scenario& scenario : kScenarios) run(scenario, End::kJump);
}

#if defined(__x86_64__)

extern "C" void spr_test_vanish();
asm(".text\nspr_test_vanish:\n mov $60, %eax\n xor %edi, %edi\n syscall\n");  // SYS_exit

struct Stretch {
    const char* name;
    uint32_t full_policy;
    bool full;                                 // the ring is filled up before
    void (*prepare)(Workload&, spr_span&);     // on the thread, at full speed
    void (*step)(Workload&, const spr_span&);  // on the thread, instruction by instruction
    const HotCall* hot = nullptr;              // in place of both
    uint32_t takes = 1;                        // slots at once
};

void start_large(Workload& workload, spr_span& span) {  // fits into no small chunk: its end goes on to the next one
    one_span(workload);
    span = workload.start();
    const std::string text(ring::kSmallChunk + 100, 'x');
    spr_span_set_string(&span, "text", SPR_NUL, text.data(), text.size());
}
void end_it(Workload& workload, const spr_span& span) { workload.end(span); }

const Stretch kStretches[] = {
    {"start and end", SPR_FULL_DROP_NEWEST, false, [](Workload& workload, spr_span&) { one_span(workload); },
     [](Workload& workload, const spr_span&) { workload.end(workload.start()); }},
    {"start and end after many that others end", SPR_FULL_DROP_NEWEST, false,
     [](Workload& workload, spr_span&) { workload.have_others_end(63); },
     [](Workload& workload, const spr_span&) { workload.end(workload.start()); }, nullptr, 8},
    {"going on to the next chunk", SPR_FULL_DROP_NEWEST, false, start_large, end_it},
    {"dropping in a full ring", SPR_FULL_DROP_NEWEST, true, start_large, end_it},
    {"overwriting the oldest chunk", SPR_FULL_OVERWRITE_OLDEST, true, start_large, end_it},
    {"leaving", SPR_FULL_DROP_NEWEST, false, [](Workload& workload, spr_span&) { one_span(workload); },
     [](Workload& workload, const spr_span&) {  // as the thread's destructor does
         trace::Life& life = *trace::Provider::of(workload.provider())->life();
         for (trace::ThreadState& state : life.threads)  // there are not more than the first
             if (state.use == static_cast<uint32_t>(g_vanish->thread)) return life.release_thread(state, false);
     }},
};

// What the others go by: the state of each thread, the pools, and of the segment all but the bytes of spans.
class Watched {
public:
    explicit Watched(pid_t child) : child_(child) {
        const uint8_t* life = reinterpret_cast<const uint8_t*>(g_vanish->life);
        private_ = {life, offsetof(trace::Life, next_thread) + kThreads * sizeof(uint32_t)};
        states_ = {reinterpret_cast<const uint8_t*>(&g_vanish->life->threads[0]),
                   kThreads * sizeof(trace::ThreadState)};
        pools_ = {reinterpret_cast<const uint8_t*>(g_vanish->life + 1), ring::Segment::pool_bytes(kExtents)};
        segment_ = g_vanish->segment;
        changed();
    }
    bool changed() {
        std::string now;
        for (const Place& place : {private_, states_, pools_, Place{segment_ + ring::kWriterOffset, ring::kPage},
                                   Place{segment_ + ring::kCountersOffset, ring::kPage},
                                   Place{segment_ + ring::kExtentWordsOffset, kExtents * sizeof(uint64_t)},
                                   Place{segment_ + ring::kGroupsOffset + ring::kMarksOffset, ring::kPage},
                                   Place{segment_ + ring::kGroupsOffset + ring::kLinesOffset, 2 * ring::kPage},
                                   Place{segment_ + ring::extent_offset(0), 64 * ring::kSlotSize}}) {
            const size_t at = now.size();
            now.resize(at + place.size);
            iovec to{now.data() + at, place.size};
            iovec from{const_cast<uint8_t*>(place.at), place.size};
            if (process_vm_readv(child_, &to, 1, &from, 1, 0) != static_cast<ssize_t>(place.size)) abort();
        }
        if (now == last_) return false;
        last_ = std::move(now);
        return true;
    }

private:
    static constexpr uint32_t kThreads = 4;
    static constexpr uint32_t kExtents = 6;  // what 512 KiB have; the first holds slots
    struct Place {
        const uint8_t* at;
        size_t size;
    };
    pid_t child_;
    Place private_{}, states_{}, pools_{};
    const uint8_t* segment_ = nullptr;
    std::string last_;
};

class VanishingByInstructionTest : public VanishingTest {
protected:
    // Steps the thread of the child until so many instructions have changed something, and has it vanish there. False:
    // ptrace is not allowed.
    static bool step_and_vanish(pid_t child, int changes) {
        while (g_vanish->thread == 0) sched_yield();
        const int thread = g_vanish->thread;
        int status = 0;
        if (ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != 0) return false;
        ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
        waitpid(thread, &status, __WALL);
        g_vanish->go = true;
        Watched watched(child);
        SteppedClock clock(g_vanish->clock);
        user_regs_struct registers;
        for (int seen = 0; seen < changes && !g_vanish->done;) {
            ptrace(PTRACE_GETREGS, thread, nullptr, &registers);
            ptrace(PTRACE_SINGLESTEP, thread, nullptr, nullptr);
            waitpid(thread, &status, __WALL);
            clock.answer(thread, registers.rip);
            seen += watched.changed();
        }
        ptrace(PTRACE_GETREGS, thread, nullptr, &registers);
        registers.rip = reinterpret_cast<uint64_t>(&spr_test_vanish);
        registers.orig_rax = ~uint64_t{0};
        ptrace(PTRACE_SETREGS, thread, nullptr, &registers);
        ptrace(PTRACE_CONT, thread, nullptr, nullptr);
        waitpid(thread, &status, __WALL);
        return true;
    }

    void run(const Stretch& stretch) {
        int changes = 0, turning = 0;
        bool lost_all = false;
        for (bool done = false; !done && !HasFailure(); ++changes) {
            ASSERT_LT(changes, 10'000) << "the stretch never ends";
            Truth* truth = shared<Truth>();
            g_vanish = shared<Vanish>();
            const pid_t child = fork();
            if (child == 0) {
                alarm(kWatchdog);
                Workload workload(*truth, 512 << 10, stretch.full_policy);
                workload.warm_up();
                if (stretch.full) workload.fill_ring();
                std::thread([&] {
                    spr_span span{};
                    static HotState state;
                    if (stretch.hot != nullptr) {
                        warm_up_for_hot_calls(workload);
                        stretch.hot->prepare(workload, state);
                        g_vanish->clock = stop_clock(workload);
                        forget_hot_paths();
                    } else {
                        stretch.prepare(workload, span);
                    }
                    g_vanish->life = trace::Provider::of(workload.provider())->life();
                    g_vanish->segment = g_vanish->life->segment.view().base();
                    g_vanish->thread = static_cast<int>(syscall(SYS_gettid));
                    while (!g_vanish->go) continue;
                    if (stretch.hot != nullptr)
                        stretch.hot->call(workload, state);
                    else
                        stretch.step(workload, span);
                    g_vanish->taken.note();
                    g_vanish->done = true;
                    for (;;) pause();
                }).join();
                outlive(workload, true);
            }
            const bool allowed = step_and_vanish(child, changes);
            if (!allowed) {
                kill(child, SIGKILL);
                waitpid(child, nullptr, 0);
                GTEST_SKIP() << "ptrace is not allowed here";
            }
            done = g_vanish->done;
            const std::string at = std::string(stretch.name) + ", change " + std::to_string(changes);
            check(child, *truth, at);
            // An extent goes with who was closing or turning it; that takes a few changes.
            turning += g_vanish->lost_slots > stretch.takes || g_vanish->lost_blocks > 1;
            lost_all = lost_all || g_vanish->lost_slots == stretch.takes;
            EXPECT_LE(g_vanish->lost_slots, ring::kSlotsPerExtent) << at;
            EXPECT_LE(g_vanish->lost_blocks, ring::kBlockNumbers) << at;
            EXPECT_LE(g_vanish->lost_evicting, 1u) << at;
            EXPECT_TRUE(stretch.hot == nullptr || !done || g_vanish->taken[stretch.hot->path] != 0)
                << "it went another way: " << at;
            munmap(truth, sizeof *truth);
            munmap(g_vanish, sizeof *g_vanish);
            g_vanish = nullptr;
        }
        EXPECT_TRUE(changes > 10 || stretch.hot != nullptr || HasFailure())
            << stretch.name << " was not stepped through";
        EXPECT_LE(turning, 10) << stretch.name;
        EXPECT_TRUE(lost_all || stretch.takes == 1 || HasFailure()) << stretch.name << " took fewer slots";
        RecordProperty(stretch.name, changes);
    }
};

TEST_F(VanishingByInstructionTest, LeavesTheOthersWithExactCounts) {
    for (const Stretch& stretch : kStretches) {
        run(stretch);
        if (IsSkipped()) return;
    }
}

TEST_F(VanishingByInstructionTest, OnAFastWayLeavesTheOthersWithExactCounts) {
    for (const HotCall& call : kHotCalls) {
        run({call.name, SPR_FULL_DROP_NEWEST, false, nullptr, nullptr, &call});
        if (IsSkipped()) return;
    }
}

#endif

}  // namespace
}  // namespace spanring::test
