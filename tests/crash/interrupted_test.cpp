// SPDX-License-Identifier: Apache-2.0
//
// A signal between any two instructions of a call on a fast way: its handler traces, or forks a child that does. Each
// call is made as often as it has instructions, and interrupted after one of them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "hot_call.hpp"
#include "recovered_segment.hpp"
#include "support/child_process.hpp"
#include "support/private_directory.hpp"
#include "workload.hpp"

namespace spanring::test {
namespace {

using ring::Counter;

constexpr int64_t kTrap = 0x100;  // after each instruction a SIGTRAP, but in its handler
constexpr uint32_t kMostInstructions = 20'000;

struct Interruption {
    void (*what)() = nullptr;
    uint32_t after = 0, seen = 0;
    Workload* workload = nullptr;
    const HotState* state = nullptr;
    trace::HotPath path{};
    uint32_t fast = 0;  // interrupted calls that went the fast way all the same
    uint32_t failures = 0;
};
Interruption g_interruption;

void interrupt(int, siginfo_t*, void* context) {
    Interruption& now = g_interruption;
    if (++now.seen != now.after) return;
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~kTrap;
    uint32_t& taken = trace::hot_paths[static_cast<uint32_t>(now.path)];
    const uint32_t by_the_call = taken;
    const int error = errno;
    now.what();
    errno = error;
    taken = by_the_call;
}

// A handler's spans have names of their own: the workload may be in the middle of a start.
void trace_once() {
    static uint32_t number = 0;
    const std::string name = "handler-" + std::to_string(number++);
    spr_span span;
    if (spr_span_start(g_interruption.workload->tracer(), name.data(), name.size(), &span) != 1 ||
        spr_span_set_string(&span, SPR_S("key"), SPR_S("value")) != 0 || spr_span_end(&span) != 0)
        ++g_interruption.failures;
}

// What the child has of its parent's is spent, and what it traces is its own.
void fork_once() {
    const spr_span before = g_interruption.state->span;
    const pid_t child = fork();
    if (child == 0) {
        spr_span span;
        const bool is_spent = before.handle == 0 || spr_span_end(&before) == -ESTALE;
        const int started = spr_span_start(g_interruption.workload->tracer(), SPR_S("child's"), &span);
        _exit(is_spent && started == 1 && spr_span_set_string(&span, SPR_S("key"), SPR_S("value")) == 0 &&
                      spr_span_end(&span) == 0
                  ? 0
                  : 1);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) ++g_interruption.failures;
}

// False: the call was over before.
bool call_and_interrupt(const HotCall& call, uint32_t after) {
    Workload& workload = *g_interruption.workload;
    HotState state;
    call.prepare(workload, state);
    g_interruption.state = &state;
    g_interruption.after = after;
    g_interruption.seen = 0;
    forget_hot_paths();
    __writeeflags(__readeflags() | kTrap);
    call.call(workload, state);
    __writeeflags(__readeflags() & ~uint64_t{kTrap});
    const bool was_interrupted = g_interruption.seen >= after;
    g_interruption.fast += was_interrupted && trace::hot_paths[static_cast<uint32_t>(call.path)] != 0;
    finish(workload, state);
    return was_interrupted;
}

void each_instruction_of(const HotCall& call, void (*what)(), uint32_t step) {
    const PrivateDirectory directory;
    Truth truth;
    Workload workload(truth, 16 << 20);
    workload.warm_up();
    warm_up_for_hot_calls(workload);
    const std::vector<std::string> files = directory.files();
    g_interruption = Interruption();
    g_interruption.what = what;
    g_interruption.workload = &workload;
    g_interruption.path = call.path;
    struct sigaction action = {};
    action.sa_sigaction = interrupt;
    action.sa_flags = SA_SIGINFO;
    ASSERT_EQ(sigaction(SIGTRAP, &action, nullptr), 0);
    uint32_t after = 1;
    while (call_and_interrupt(call, after)) {
        ASSERT_LT(after, kMostInstructions) << "the call never ends";
        for (const std::string& file : directory.files())  // a child's segment is its own
            if (std::find(files.begin(), files.end(), file) == files.end()) unlink(directory.file(file).c_str());
        after += step;
    }
    EXPECT_GT(after, 20u) << "the call was not interrupted";
    EXPECT_EQ(g_interruption.failures, 0u);
    EXPECT_GT(g_interruption.fast, 0u) << "no call that was interrupted went the fast way";

    std::vector<uint8_t> image;
    std::string fault;
    ASSERT_TRUE(read_segment(directory.path(), image, fault)) << fault;
    const RecoveredSegment found = recover(image);
    EXPECT_EQ(found.fault, "");
    EXPECT_TRUE(found.unfinished.empty());
    EXPECT_EQ(found.count(Counter::kStarted), found.count(Counter::kEnded));
    EXPECT_EQ(found.count(Counter::kEnded), found.complete.size()) << "lost";
    EXPECT_EQ(found.dropped(), 0u);
    EXPECT_GE(found.complete.size(), truth.ends_returned);
    const std::set<std::string> once(found.complete.begin(), found.complete.end());
    EXPECT_EQ(once.size(), found.complete.size()) << "twice";
}

void each_call(void (*what)(), uint32_t step) {
    for (const HotCall& call : kHotCalls) {
        SCOPED_TRACE(call.name);
        in_child([&] { each_instruction_of(call, what, step); });
    }
}

TEST(InterruptedTest, AHandlerThatTracesLosesNothing) { each_call(trace_once, 1); }

TEST(InterruptedTest, AHandlerThatForksLosesNothing) { each_call(fork_once, 5); }

}  // namespace
}  // namespace spanring::test
