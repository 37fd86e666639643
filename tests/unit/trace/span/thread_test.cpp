// SPDX-License-Identifier: Apache-2.0
//
// Threads that come, go, and vanish; spans that change hands.
#include <atomic>
#include <barrier>
#include <cerrno>
#include <csignal>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::Tracing;

TEST_IN_PROCESS(ThreadTest, ParksItsChunkWhenItLeavesAndTheNextOneGoesOnInIt) {
    Tracing tracing;
    std::thread([&] { EXPECT_EQ(tracing.make("first"), 0); }).join();
    auto segment = tracing.read();
    EXPECT_EQ(segment.chunks_in(ring::ChunkState::kParked), 1u);
    EXPECT_EQ(segment.chunks_in(ring::ChunkState::kOpen), 0u);
    std::thread([&] { EXPECT_EQ(tracing.make("second"), 0); }).join();
    segment = tracing.read();
    ASSERT_EQ(segment.spans().size(), 2u);
    EXPECT_EQ(segment.spans()[0].chunk, segment.spans()[1].chunk);
    EXPECT_EQ(segment.chunks_in(ring::ChunkState::kParked), 1u);
    test::expect_balance(tracing.statistics(), 0, 2);
}

TEST_IN_PROCESS(ThreadTest, ComesAndGoesWithoutUsingAnythingUp) {
    Tracing tracing;
    auto agent = [&] { return tracing.agent(); };
    uint64_t freed = 0;
    constexpr int kThreads = 1500;  // more than there are counter lines, slots or chunks
    for (int i = 0; i < kThreads; ++i) {
        std::thread([&] {
            const spr_span open = tracing.start("open");
            EXPECT_EQ(tracing.make("span"), 0);
            EXPECT_EQ(spr_span_end(&open), 0);
        }).join();
        if (i % 100 == 99) freed += agent().release_full();
    }
    const auto segment = tracing.read();
    EXPECT_EQ(segment.chunks_in(ring::ChunkState::kParked), 1u);
    test::expect_balance(tracing.statistics(), 0, freed + segment.spans().size());
    EXPECT_EQ(tracing.statistics().ended, 2u * kThreads);
    EXPECT_EQ(tracing.statistics().dropped_full, 0u);
    EXPECT_EQ(tracing.view().writer().counter_lines, ring::kCounterLinesPerPage) << "lines go from hand to hand";
}

TEST_IN_PROCESS(ThreadTest, ThreeHundredAtOnceEachHaveAChunk) {
    Tracing tracing(test::large_ring());
    constexpr int kThreads = 300;
    constexpr int kSpans = 10;
    std::barrier all(kThreads);
    std::vector<std::thread> threads;
    for (int me = 0; me < kThreads; ++me)
        threads.emplace_back([&] {
            EXPECT_EQ(tracing.make("first"), 0);
            all.arrive_and_wait();  // all are there, each with its chunk
            for (int i = 1; i < kSpans; ++i) EXPECT_EQ(tracing.make("later"), 0);
            all.arrive_and_wait();
        });
    for (std::thread& thread : threads) thread.join();
    const auto segment = tracing.read();
    EXPECT_EQ(segment.spans().size(), static_cast<size_t>(kThreads * kSpans));
    std::set<std::string> ids;
    for (const test::WrittenSpan& written : segment.spans()) ids.insert(written.span.span_id());
    EXPECT_EQ(ids.size(), segment.spans().size()) << "each thread has random numbers of its own";
    test::expect_balance(tracing.statistics(), 0, kThreads * kSpans);
    EXPECT_GE(segment.chunks_in(ring::ChunkState::kParked), static_cast<uint32_t>(kThreads));
    EXPECT_EQ(segment.chunks_in(ring::ChunkState::kOpen), 0u);
}

// Each takes a state, and they find a place for more than there are at first, several times over.
TEST_IN_PROCESS(ThreadTest, HaveStatesForTwentyThousand) {
    Tracing tracing;
    EXPECT_EQ(tracing.make("first"), 0);
    trace::Life& life = *trace::Provider::of(tracing.provider())->life();
    constexpr uint32_t kStates = 20'000;
    static_assert(kStates > 4 * trace::Life::kFirstThreads);
    constexpr int kTakers = 4;
    std::vector<trace::ThreadState*> taken[kTakers];
    const auto own = static_cast<uint32_t>(gettid());  // a thread that lives: nobody reaps it
    for (int round = 0; round < 2; ++round) {
        std::vector<std::thread> takers;
        std::barrier all(kTakers);
        for (auto& of_one : taken)
            takers.emplace_back([&] {
                all.arrive_and_wait();
                for (uint32_t i = 0; i < kStates / kTakers; ++i) of_one.push_back(life.take_thread(own));
            });
        for (std::thread& taker : takers) taker.join();
        std::set<trace::ThreadState*> states;
        std::set<uint32_t> numbers;
        for (const auto& of_one : taken)
            for (trace::ThreadState* state : of_one) {
                ASSERT_NE(state, nullptr);
                EXPECT_EQ(&life.thread(state->index), state);
                states.insert(state);
                numbers.insert(state->index);
            }
        EXPECT_EQ(states.size(), kStates);
        EXPECT_EQ(numbers.size(), kStates);
        for (auto& of_one : taken) {
            for (trace::ThreadState* state : of_one) {
                life.release_thread(*state, false);
                life.leave(true, false);
            }
            of_one.clear();
        }
    }
    EXPECT_LE(life.more_threads.limit(), 8 * trace::Life::kFirstThreads) << "those that were given back come first";
    EXPECT_EQ(tracing.make("last"), 0);
}

TEST_IN_PROCESS(ThreadTest, RaceForTheFirstSpanAndMakeOneSegment) {
    Tracing tracing(test::large_ring());
    constexpr int kThreads = 16;
    std::barrier all(kThreads);
    std::vector<std::thread> threads;
    for (int me = 0; me < kThreads; ++me)
        threads.emplace_back([&] {
            spr_tracer* tracer;
            all.arrive_and_wait();
            EXPECT_EQ(spr_tracer_get(tracing.provider(), "raced for", SPR_NUL, nullptr, 0, nullptr, 0, &tracer), 0);
            spr_span span;
            EXPECT_EQ(spr_span_start(tracer, "span", SPR_NUL, &span), 1);
            EXPECT_EQ(spr_span_end(&span), 0);
        });
    for (std::thread& thread : threads) thread.join();
    const auto segment = tracing.read();
    EXPECT_EQ(segment.spans().size(), static_cast<size_t>(kThreads));
    for (const test::WrittenSpan& written : segment.spans()) {
        EXPECT_EQ(segment.scope(written.scope).scope().name(), "raced for");
        EXPECT_EQ(written.scope, segment.spans()[0].scope) << "one tracer for the same arguments";
    }
}

TEST_IN_PROCESS(ThreadTest, MayEndASpanThatAnotherOneStarted) {
    Tracing tracing;
    spr_span span;
    std::thread([&] { span = tracing.start("handed over"); }).join();
    std::thread([&] { EXPECT_EQ(spr_span_set_int64(&span, "key", SPR_NUL, 1), 0); }).join();
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    EXPECT_EQ(test::attribute(segment.named("handed over"), "key"), "int:1");
    EXPECT_LE(segment.named("handed over").start_time_unix_nano(), segment.named("handed over").end_time_unix_nano());
    test::expect_balance(tracing.statistics(), 0, 1);
}

TEST_IN_PROCESS(ThreadTest, HandOverManySpansWhileTheAgentDrains) {
    Tracing tracing(test::large_ring());
    EXPECT_EQ(tracing.make("first"), 0);
    constexpr int kSpans = 5000;
    std::mutex mutex;
    std::vector<spr_span> handed;
    std::atomic<bool> started{false}, done{false};
    std::thread starter([&] {
        for (int i = 0; i < kSpans;) {
            spr_span span;
            if (spr_span_start(tracing.tracer(), "span", SPR_NUL, &span) != 1) continue;
            spr_span_set_int64(&span, "i", SPR_NUL, i);
            const std::lock_guard lock(mutex);
            handed.push_back(span);
            ++i;
        }
        started = true;
    });
    std::thread ender([&] {
        for (int ended = 0; ended < kSpans;) {
            spr_span span = {};
            {
                const std::lock_guard lock(mutex);
                if (handed.empty()) continue;
                span = handed.back();
                handed.pop_back();
            }
            spr_span_set_string(&span, "by", SPR_NUL, "another", SPR_NUL);
            EXPECT_EQ(spr_span_end(&span), 0);
            ++ended;
        }
        done = true;
    });
    auto agent = tracing.agent();
    uint64_t freed = 0;
    while (!done) {
        freed += agent.release_full();
        std::this_thread::yield();
    }
    starter.join();
    ender.join();
    const auto segment = tracing.read();
    EXPECT_EQ(freed + segment.spans().size(), kSpans + 1u);
    test::expect_balance(tracing.statistics(), 0, kSpans + 1);
}

pthread_key_t g_late_key;

TEST_IN_PROCESS(ThreadTest, MayTraceInADestructorAfterTheLibrarysOwn) {
    Tracing tracing;
    EXPECT_EQ(tracing.make("the library's key comes first"), 0);
    ASSERT_EQ(
        pthread_key_create(&g_late_key, [](void* value) { EXPECT_EQ(static_cast<Tracing*>(value)->make("late"), 0); }),
        0);
    for (int i = 0; i < 100; ++i)
        std::thread([&] {
            EXPECT_EQ(tracing.make("early"), 0);
            pthread_setspecific(g_late_key, &tracing);
        }).join();
    const auto segment = tracing.read();
    EXPECT_LE(segment.chunks_in(ring::ChunkState::kOpen), 1u) << "this thread's; the others' were all given back";
    test::expect_balance(tracing.statistics(), 0, 201);
}

// Frames that are unwound by force stay poisoned, and the next call there is reported.
#if !defined(__SANITIZE_ADDRESS__)
TEST_IN_PROCESS(ThreadTest, ThatIsCancelledGivesEverythingBack) {
    Tracing tracing;
    EXPECT_EQ(tracing.make("first"), 0);
    for (int i = 0; i < 50; ++i) {
        std::atomic<bool> traced{false};
        std::thread thread([&] {
            EXPECT_EQ(tracing.make("span"), 0);
            traced = true;
            for (;;) pause();
        });
        while (!traced) std::this_thread::yield();
        pthread_cancel(thread.native_handle());
        thread.join();
    }
    EXPECT_EQ(tracing.read().chunks_in(ring::ChunkState::kParked), 1u);
    test::expect_balance(tracing.statistics(), 0, 51);
}
#endif

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)  // their runtimes cannot lose a thread
// A thread that ends by the bare system call runs no destructors. What it held is taken back when it is needed, and
// only because the kernel says that the thread is gone.
TEST_IN_PROCESS(ThreadTest, ThatVanishedIsTakenForDeadWhenItsThingsAreNeeded) {
    Tracing tracing;
    constexpr int kThreads = 40;  // more than there are chunks
    int made = 0;
    for (int i = 0; i < kThreads; ++i) {
        std::atomic<pid_t> gone{0};
        std::atomic<int> result{1};
        std::thread thread([&] {
            result = tracing.make("span");
            gone = static_cast<pid_t>(syscall(SYS_gettid));
            syscall(SYS_exit, 0);
        });
        while (gone == 0) std::this_thread::yield();
        thread.join();
        while (syscall(SYS_tgkill, getpid(), gone.load(), 0) == 0) std::this_thread::yield();
        made += result == 0;
    }
    EXPECT_EQ(made, kThreads);
    test::expect_balance(tracing.statistics(), 0, kThreads);
    EXPECT_EQ(tracing.read().spans().size(), static_cast<size_t>(kThreads));
}
#endif

TEST_IN_PROCESS(ThreadTest, StatisticsMayBeAskedForAtAnyTime) {
    Tracing tracing;
    EXPECT_EQ(tracing.make("first"), 0);
    std::atomic<bool> done{false};
    std::thread worker([&] {
        for (int i = 0; i < 5000; ++i) {
            tracing.make("span");
            if (i % 50 == 0) tracing.agent().release_full();
        }
        done = true;
    });
    uint64_t last = 0;
    while (!done) {
        const spr_statistics statistics = tracing.statistics();
        EXPECT_GE(statistics.started, last);
        last = statistics.started;
    }
    worker.join();
    const spr_statistics statistics = tracing.statistics();
    EXPECT_EQ(statistics.started, 5001u);
    EXPECT_EQ(statistics.started, statistics.ended);
}

}  // namespace
}  // namespace spanring
