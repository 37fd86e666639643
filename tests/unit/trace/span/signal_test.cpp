// SPDX-License-Identifier: Apache-2.0
//
// Signal handlers that trace, in the middle of a call of their own thread.
#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>

#include <ucontext.h>

#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::Tracing;
using trace::thread_local_state;

spr_tracer* g_tracer;  // of handlers

// As if a handler ran in the middle of a call, `levels` deep.
class Inside {
public:
    explicit Inside(uint32_t levels) : before_(thread_local_state.depth) { thread_local_state.depth = levels; }
    ~Inside() { thread_local_state.depth = before_; }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

private:
    const uint32_t before_;
};

TEST_IN_PROCESS(SignalTest, AHandlerInsideACallWritesIntoAChunkOfItsOwn) {
    Tracing tracing;
    EXPECT_EQ(tracing.make("outside"), 0);
    {
        Inside call(1);
        EXPECT_EQ(tracing.make("inside"), 0);
    }
    EXPECT_EQ(tracing.make("outside again"), 0);
    const auto segment = tracing.read();
    ASSERT_EQ(segment.spans().size(), 3u);
    uint32_t outside = 0, again = 0, inside = 0;
    for (const test::WrittenSpan& written : segment.spans())
        (written.span.name() == "inside" ? inside : written.span.name() == "outside" ? outside : again) = written.chunk;
    EXPECT_EQ(outside, again);
    EXPECT_NE(outside, inside);
    EXPECT_EQ(thread_local_state.depth, 0u);
}

TEST_IN_PROCESS(SignalTest, AHandlerInsideAHandlerInsideACallIsRefusedAndCounted) {
    Tracing tracing;
    const spr_span before = tracing.start("before");
    {
        Inside call(2);
        spr_token token;
        spr_context_attach(&before.context, &token);
        spr_span span;
        EXPECT_EQ(spr_span_start(tracing.tracer(), "too deep", SPR_NUL, &span), -EBUSY);
        EXPECT_EQ(span.handle, 0u);
        EXPECT_EQ(test::span_id(span.context), test::span_id(before.context));
        EXPECT_EQ(spr_span_end(&span), 0);
        spr_context_detach(&token);
        EXPECT_EQ(spr_span_set_string(&before, "\xff", SPR_NUL, "", 0), -EINVAL);
    }
    spr_statistics statistics = tracing.statistics();
    EXPECT_EQ(statistics.not_started_nested, 1u);
    EXPECT_EQ(statistics.refused_data, 1u);
    EXPECT_EQ(spr_span_end(&before), 0);
    test::expect_balance(tracing.statistics(), 0, 1);
}

TEST_IN_PROCESS(SignalTest, AnEndThatIsTooDeepIsADropWithItsOwnCounterAndFreesTheSlot) {
    Tracing tracing;
    for (uint32_t i = 0; i < 3 * ring::kSlotsPerExtent; ++i) {
        const spr_span span = tracing.start("span");
        EXPECT_EQ(spr_span_set_string(&span, "long", SPR_NUL, std::string(5000, 'x').c_str(), SPR_NUL), 0)
            << "blocks come back too";
        Inside call(2);
        EXPECT_EQ(spr_span_end(&span), -EBUSY);
        EXPECT_EQ(spr_span_end(&span), -ESTALE);
    }
    const spr_statistics statistics = tracing.statistics();
    EXPECT_EQ(statistics.dropped_nested, 3 * ring::kSlotsPerExtent);
    test::expect_balance(statistics, 0, 0);
    EXPECT_TRUE(tracing.read().open_slots().empty());
}

TEST_IN_PROCESS(SignalTest, AHandlerInTheMakingOfTheFirstSpanIsRefused) {
    Tracing tracing;
    thread_local_state.attaching = 1;
    spr_span span;
    EXPECT_EQ(spr_span_start(tracing.tracer(), "in the making", SPR_NUL, &span), -EBUSY);
    EXPECT_EQ(span.handle, 0u);
    thread_local_state.attaching = 0;
    EXPECT_EQ(tracing.make("after"), 0);
}

// As many runs as there are instructions, each with a trap after each: a sanitizer's code takes minutes.
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)

// ---- Between any two instructions -----------------------------------------------------------------------------------

// A handler whose span stays open from one of its runs to the next, so that it becomes the thread's last one in the
// middle of a call that names another.
struct Steps {
    spr_span span;  // the handler's
    int at, seen;
};
Steps g_steps;

constexpr uint64_t kTrap = 0x100;  // after each instruction a SIGTRAP, but in its handler

void begin_own(int) { EXPECT_EQ(spr_span_start(g_tracer, SPR_S("handler's"), &g_steps.span), 1); }
void say_more(int, siginfo_t*, void* context) {
    if (++g_steps.seen != g_steps.at) return;
    EXPECT_EQ(spr_span_set_string(&g_steps.span, SPR_S("handler"), SPR_S("said")), 0);
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~static_cast<greg_t>(kTrap);
}

using Call = int (*)(const spr_span*);
int say(const spr_span* span) { return spr_span_set_string(span, SPR_S("own"), SPR_S("value")); }

// False: the call was over before.
bool interrupt(int at, Call call) {
    signal(SIGUSR1, begin_own);
    raise(SIGUSR1);
    spr_span outside;
    EXPECT_EQ(spr_span_start(g_tracer, SPR_S("outside"), &outside), 1);
    g_steps.at = at;
    g_steps.seen = 0;
    struct sigaction action = {};
    action.sa_sigaction = say_more;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGTRAP, &action, nullptr);
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() | kTrap);
    const int result = call(&outside);
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~kTrap);
    EXPECT_EQ(result, 0) << "after instruction " << at;
    EXPECT_EQ(spr_span_end(&outside), call == say ? 0 : -ESTALE) << "after instruction " << at;
    EXPECT_EQ(spr_span_end(&g_steps.span), 0) << "after instruction " << at;
    return g_steps.seen >= at;
}

TEST_IN_PROCESS(SignalTest, AHandlerThatGoesBackToItsSpanAtAnyInstructionChangesNoOther) {
    Tracing tracing(test::large_ring());
    g_tracer = tracing.tracer();
    const spr_span first = tracing.start("first"), second = tracing.start("second");
    EXPECT_EQ(spr_span_end(&first) + spr_span_end(&second), 0);  // two slots of the same generation from here on
    for (const Call call : {Call(say), Call(spr_span_end)}) {
        int at = 1;
        while (interrupt(at, call)) ++at;
        EXPECT_GT(at, 50);
    }
    const auto segment = tracing.read();
    EXPECT_TRUE(segment.open_slots().empty());
    for (const test::WrittenSpan& written : segment.spans()) {
        const bool outside = written.span.name() == "outside";
        EXPECT_EQ(test::attribute(written.span, outside ? "handler" : "own"), "");
    }
    test::expect_balance(tracing.statistics(), 0, segment.spans().size());
}

#endif

// ---- A storm --------------------------------------------------------------------------------------------------------

// What the handlers' calls said. Lock-free read-modify-writes: a handler may interrupt another one's.
struct Tally {
    std::atomic<uint64_t> handlers, started, not_started_nested, ended, dropped_nested, dropped_full, not_started_slot,
        other;
};
Tally g_tally;

void trace_once(const char* name) {
    spr_span span;
    switch (spr_span_start(g_tracer, name, SPR_NUL, &span)) {
        case 1: ++g_tally.started; break;
        case -EBUSY: ++g_tally.not_started_nested; return;
        case -ENOBUFS: ++g_tally.not_started_slot; return;
        default: ++g_tally.other; return;
    }
    if (spr_span_set_string(&span, "key", SPR_NUL, "value", SPR_NUL) != 0) ++g_tally.other;
    switch (spr_span_end(&span)) {
        case 0: ++g_tally.ended; break;
        case -EBUSY: ++g_tally.dropped_nested; break;
        case -ENOBUFS: ++g_tally.dropped_full; break;
        default: ++g_tally.other;
    }
}

void handler(int) {
    const int error = errno;
    ++g_tally.handlers;
    trace_once("handler");
    if (errno != error) ++g_tally.other;
}

timer_t start_timer(int signal, long nanoseconds) {
    struct sigaction action = {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;  // and not masked against the other one
    sigaction(signal, &action, nullptr);
    sigevent event = {};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = signal;
    timer_t timer;
    EXPECT_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    const itimerspec period = {{0, nanoseconds}, {0, nanoseconds}};
    EXPECT_EQ(timer_settime(timer, 0, &period, nullptr), 0);
    return timer;
}

TEST_IN_PROCESS(SignalTest, AStormOfHandlersLosesNothingThatIsNotCounted) {
    Tracing tracing;
    g_tracer = tracing.tracer();
    EXPECT_EQ(tracing.make("first"), 0);
    auto agent = tracing.agent();
    sigset_t storm;
    sigemptyset(&storm);
    sigaddset(&storm, SIGUSR1);
    sigaddset(&storm, SIGUSR2);
    const timer_t fast = start_timer(SIGUSR1, 50'000), slow = start_timer(SIGUSR2, 70'000);
    uint64_t freed = 0;
    uint64_t started = 1, committed = 1;  // outside of handlers
    while (g_tally.handlers < 3000) {
        for (int i = 0; i < 50; ++i) {
            spr_span span;
            if (spr_span_start(g_tracer, "outside", SPR_NUL, &span) != 1) continue;
            ++started;
            spr_span_set_int64(&span, "i", SPR_NUL, i);
            spr_span_set_string(&span, "text", SPR_NUL, "a text that goes into the slot", SPR_NUL);
            committed += spr_span_end(&span) == 0;
        }
        sigprocmask(SIG_BLOCK, &storm, nullptr);
        freed += agent.release_full();
        sigprocmask(SIG_UNBLOCK, &storm, nullptr);
    }
    timer_delete(fast);
    timer_delete(slow);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);

    const auto segment = tracing.read();
    const spr_statistics statistics = tracing.statistics();
    EXPECT_EQ(g_tally.other, 0u);
    EXPECT_GT(g_tally.ended, 0u);
    EXPECT_EQ(thread_local_state.depth, 0u);
    EXPECT_TRUE(segment.open_slots().empty());
    EXPECT_EQ(statistics.started, started + g_tally.started);
    EXPECT_EQ(statistics.not_started_nested, g_tally.not_started_nested);
    EXPECT_EQ(statistics.dropped_nested, g_tally.dropped_nested);
    EXPECT_EQ(freed + segment.spans().size(), committed + g_tally.ended);
    test::expect_balance(statistics, 0, committed + g_tally.ended);
}

}  // namespace
}  // namespace spanring
