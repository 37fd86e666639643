// SPDX-License-Identifier: Apache-2.0
//
// Places of providers: one that is shut down gives its own back, whatever of it is still in use, and leaves nothing in
// the process; what ended in it is in its file.
#include <malloc.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "support/held_file.hpp"
#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::PrivateDirectory;

int mappings(const std::string& of = "") {
    std::ifstream maps("/proc/self/maps");
    int count = 0;
    for (std::string line; std::getline(maps, line);) count += line.find(of) != std::string::npos;
    return count;
}

ptrdiff_t descriptors() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
}

size_t free_keys() {
    std::vector<pthread_key_t> keys;
    for (pthread_key_t key; pthread_key_create(&key, nullptr) == 0;) keys.push_back(key);
    for (const pthread_key_t key : keys) pthread_key_delete(key);
    return keys.size();
}

void empty(const PrivateDirectory& directory) {
    for (const std::string& path : directory.paths()) unlink(path.c_str());
}

// A provider whose spans are told by its name.
struct Named {
    explicit Named(const std::string& text, uint64_t memory = 1) : name(text) {
        spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
        options.memory_limit = memory;
        EXPECT_EQ(spr_provider_open(&options, &provider), 0) << name;
        EXPECT_EQ(spr_tracer_get(provider, name.data(), name.size(), nullptr, 0, nullptr, 0, &tracer), 0);
    }
    int start(spr_span& ret) const { return spr_span_start(tracer, name.data(), name.size(), &ret); }
    int make() const {
        spr_span span;
        const int started = start(span);
        return started == 1 ? spr_span_end(&span) : started;
    }
    int shut_down() const { return spr_provider_shutdown(provider, 0); }

    std::string name;
    spr_provider* provider = nullptr;
    spr_tracer* tracer = nullptr;
};

void expect_spent(const spr_span& span) {
    const spr_event event = {"event", SPR_NUL, 0, nullptr, 0, 0, 0};
    spr_text text = {nullptr, 0, 0};
    EXPECT_EQ(spr_span_is_recording(&span), 0);
    EXPECT_EQ(spr_span_set_int64(&span, "key", SPR_NUL, 1), -ESTALE);
    EXPECT_EQ(spr_span_set_string(&span, "key", SPR_NUL, "value", SPR_NUL), -ESTALE);
    EXPECT_EQ(spr_span_add_event(&span, &event), -ESTALE);
    EXPECT_EQ(spr_span_set_name(&span, "other", SPR_NUL), -ESTALE);
    EXPECT_EQ(spr_span_set_status(&span, SPR_STATUS_OK, nullptr, 0), -ESTALE);
    EXPECT_EQ(spr_span_trace_state(&span, &text), 0);
    EXPECT_EQ(spr_span_end_with(&span, nullptr), -ESTALE);
    EXPECT_EQ(spr_span_end(&span), -ESTALE);
}

// `in_its_place`: another provider has the place, and nothing is known any more of what it was.
void expect_spent(const Named& named, bool in_its_place) {
    spr_statistics statistics = SPR_STATISTICS_INIT;
    spr_tracer* tracer;
    spr_span span;
    EXPECT_EQ(spr_provider_state(named.provider), -ESHUTDOWN);
    EXPECT_EQ(spr_tracer_get(named.provider, "x", SPR_NUL, nullptr, 0, nullptr, 0, &tracer), -ESHUTDOWN);
    EXPECT_EQ(spr_tracer_enabled(named.tracer), 0);
    EXPECT_EQ(named.start(span), -ESHUTDOWN);
    EXPECT_EQ(span.handle, 0u);
    EXPECT_EQ(spr_provider_statistics(named.provider, &statistics), in_its_place ? -ESHUTDOWN : 0);
    if (!in_its_place) return;
    EXPECT_EQ(spr_provider_flush(named.provider, 0), -ESHUTDOWN);
    EXPECT_EQ(spr_provider_shutdown(named.provider, 0), -ESHUTDOWN);
}

TEST_IN_PROCESS(PlaceTest, IsGivenBackByAShutdown) {
    PrivateDirectory directory;
    std::vector<Named> all;
    for (int i = 0; i < 8; ++i) all.emplace_back("provider" + std::to_string(i));
    spr_provider* none = nullptr;
    EXPECT_EQ(spr_provider_open(nullptr, &none), -EMFILE) << "eight are open";
    EXPECT_EQ(none, nullptr);
    for (const Named& named : all) EXPECT_EQ(named.make(), 0);
    EXPECT_EQ(all[3].shut_down(), -ETIMEDOUT);
    expect_spent(all[3], false);
    EXPECT_EQ(all[3].shut_down(), -ETIMEDOUT) << "what it said the first time";
    EXPECT_EQ(test::statistics_of(all[3].provider).ended, 1u);
    const Named next("next");
    EXPECT_EQ(next.make(), 0);
    expect_spent(all[3], true);
    EXPECT_EQ(spr_provider_open(nullptr, &none), -EMFILE);
    all.erase(all.begin() + 3);
    for (const Named& named : all) EXPECT_EQ(named.make(), 0) << named.name;
}

TEST_IN_PROCESS(PlaceTest, IsGivenBackByOneThatIsOffOrNeverTraced) {
    PrivateDirectory directory;
    for (int i = 0; i < 20; ++i) EXPECT_EQ(Named("idle").shut_down(), 0);
    setenv("SPANRING_DISABLED", "1", 1);
    for (int i = 0; i < 20; ++i) {
        const Named off("off");
        EXPECT_EQ(off.make(), -ECANCELED);
        EXPECT_EQ(off.shut_down(), 0);
        expect_spent(off, false);
    }
    EXPECT_TRUE(directory.files().empty());
}

TEST_IN_PROCESS(PlaceTest, TenThousandInTurnLeaveNothing) {
    PrivateDirectory directory;
    const auto round = [&] {
        const Named named("in turn");
        spr_span open, span;
        ASSERT_EQ(named.start(open), 1);
        ASSERT_EQ(named.start(span), 1);
        spr_span_set_int64(&open, "key", SPR_NUL, 1);
        spr_span_set_int64(&span, "key", SPR_NUL, 1);
        ASSERT_EQ(spr_span_end(&span), 0);
        ASSERT_EQ(named.shut_down(), -ETIMEDOUT);
        ASSERT_EQ(spr_span_end(&open), -ESTALE);
        ASSERT_EQ(directory.files().size(), 1u) << "what ended stays for the agent";
        empty(directory);
    };
    for (int i = 0; i < 10; ++i) round();
    const int before = mappings();
    const ptrdiff_t files = descriptors();
    const size_t keys = free_keys();
    [[maybe_unused]] const size_t heap = mallinfo2().uordblks;
#ifdef __SANITIZE_THREAD__
    constexpr int kRounds = 2'000;
#else
    constexpr int kRounds = 10'000;
#endif
    for (int i = 0; i < kRounds && !testing::Test::HasFailure(); ++i) round();
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // their runtimes map, and have a heap of their own
    EXPECT_EQ(mappings(), before);
    EXPECT_LE(mallinfo2().uordblks, heap + 4096);
#else
    EXPECT_LE(mappings(), before + 500);
#endif
    EXPECT_EQ(descriptors(), files);
    EXPECT_EQ(free_keys(), keys);
}

TEST_IN_PROCESS(PlaceTest, LeavesAFileWithAllThatEndedAsOneOfTheDead) {
    PrivateDirectory directory;
    const Named named("named", 4 << 20);
    spr_span open;
    ASSERT_EQ(named.start(open), 1);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int span = 0; span < 100; ++span) EXPECT_EQ(named.make(), 0);
        });
    for (std::thread& thread : threads) thread.join();
    const std::string path = directory.paths().at(0);
    EXPECT_TRUE(test::is_held(path));
    EXPECT_EQ(named.shut_down(), -ETIMEDOUT);
    EXPECT_FALSE(test::is_held(path)) << "the agent may finish it while this process lives";
    const test::SegmentSpans segment(path);
    EXPECT_EQ(segment.spans().size(), 400u);
    EXPECT_EQ(segment.open_slots().size(), 1u) << "which goes out as unfinished";
    const spr_statistics statistics = test::statistics_of(named.provider);
    EXPECT_EQ(statistics.started, 401u);
    EXPECT_EQ(statistics.ended, 400u);
}

// Handles that are kept for ever reach nothing of the providers that come later in the same place.
TEST_IN_PROCESS(PlaceTest, IsNotReachedByHandlesOfAFormerProvider) {
    PrivateDirectory directory;
    std::vector<Named> former;
    std::vector<spr_span> spans;
    for (int i = 0; i < 600; ++i) {
        former.emplace_back("former" + std::to_string(i));
        spans.emplace_back();
        ASSERT_EQ(former.back().start(spans.back()), 1);
        ASSERT_EQ(former.back().shut_down(), 0) << "nothing ended";
        empty(directory);
    }
    const Named present("present");
    spr_span open;
    ASSERT_EQ(present.start(open), 1) << "the same slot of the same place";
    for (const spr_span& span : spans) expect_spent(span);
    for (const Named& named : former) expect_spent(named, true);
    EXPECT_EQ(spr_span_end(&open), 0);
    const test::SegmentSpans segment(directory.paths().at(0));
    ASSERT_EQ(segment.spans().size(), 1u);
    EXPECT_EQ(segment.spans()[0].span.name(), "present");
    EXPECT_EQ(segment.spans()[0].span.attributes_size(), 0);
    EXPECT_EQ(test::statistics_of(present.provider).started, 1u);
}

// ---- Threads

// A thread that does what it is told, and nothing else.
class Worker {
public:
    Worker() : thread_([this] { run(); }) {}
    ~Worker() {
        over_ = true;
        thread_.join();
    }
    void operator()(const std::function<void()>& what) {
        what_ = &what;
        while (what_.load() != nullptr) sched_yield();
    }

private:
    void run() {
        while (!over_) {
            if (const std::function<void()>* what = what_.load()) {
                (*what)();
                what_ = nullptr;
            } else {
                sched_yield();
            }
        }
    }
    std::atomic<const std::function<void()>*> what_{nullptr};
    std::atomic<bool> over_{false};
    std::thread thread_;
};

// What a thread still has of a life keeps it mapped, and nothing else: not the place.
TEST_IN_PROCESS(PlaceTest, IsAnothersWhileAThreadStaysInTheFormerLife) {
    PrivateDirectory directory;
    const Named former("former");
    std::string path;
    spr_span span;
    {
        Worker worker;
        worker([&] { EXPECT_EQ(former.start(span), 1); });
        path = directory.paths().at(0);
        EXPECT_EQ(former.shut_down(), 0);
        EXPECT_TRUE(test::is_held(path));
        const int before = mappings(directory.path());
        const Named present("present");
        EXPECT_EQ(present.make(), 0);
        worker([&] { expect_spent(span); });
        expect_spent(span);
        EXPECT_EQ(present.shut_down(), -ETIMEDOUT);
        EXPECT_EQ(mappings(directory.path()), before);
        EXPECT_TRUE(test::is_held(path));
    }
    EXPECT_FALSE(test::is_held(path)) << "the thread has ended";
    EXPECT_EQ(mappings(directory.path()), 0);
    EXPECT_EQ(test::SegmentSpans(path).open_slots().size(), 1u);
}

// A thread that traces on is in the former segment no longer, though an interrupted call might be.
TEST_IN_PROCESS(PlaceTest, IsLeftByAThreadThatTracesWithAnother) {
    PrivateDirectory directory;
    Worker worker;
    const Named former("former");
    spr_span span;
    worker([&] {
        EXPECT_EQ(former.make(), 0);
        EXPECT_EQ(former.start(span), 1);
    });
    const std::string path = directory.paths().at(0);
    const Named present("present");
    EXPECT_EQ(former.shut_down(), -ETIMEDOUT);
    EXPECT_TRUE(test::is_held(path));
    worker([&] { EXPECT_EQ(present.make(), 0); });
    EXPECT_FALSE(test::is_held(path));
    worker([&] { expect_spent(span); });
    const test::SegmentSpans segment(path);
    EXPECT_EQ(segment.spans().size(), 1u);
    EXPECT_EQ(segment.open_slots().size(), 1u);
}

// A thread that traces on, with provider after provider, and never opens or shuts one down.
TEST_IN_PROCESS(PlaceTest, IsLeftByThreadsThatGoOn) {
    PrivateDirectory directory;
    Worker first, second;
    const auto round = [&](int i) {
        const Named named("round" + std::to_string(i));
        const auto work = [&] {
            spr_span span;
            EXPECT_EQ(named.start(span), 1);
            EXPECT_EQ(spr_span_set_int64(&span, "key", SPR_NUL, 1), 0);
            EXPECT_EQ(spr_span_end(&span), 0);
        };
        first(work);
        if (i % 3 == 0) second(work);
        EXPECT_EQ(named.shut_down(), -ETIMEDOUT);
        ASSERT_EQ(directory.files().size(), 1u);
        const test::SegmentSpans segment(directory.paths()[0]);
        EXPECT_EQ(segment.spans().size(), i % 3 == 0 ? 2u : 1u);
        for (const test::WrittenSpan& written : segment.spans())
            EXPECT_EQ(segment.scope(written.scope).scope().name(), named.name);
        empty(directory);
    };
    int i = 0;
    for (; i < 50; ++i) round(i);
    const int before = mappings(), lives = mappings(".spr");
    EXPECT_LE(lives, 2) << "segments, in which a thread still is";
    for (; i < 1000 && !testing::Test::HasFailure(); ++i) round(i);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    EXPECT_LE(mappings(), before + 20);
    EXPECT_LE(mappings(".spr"), 2);
#else
    EXPECT_LE(mappings(), before + 500);
#endif
}

// The same for threads that only refuse: what they count is the present provider's.
TEST_IN_PROCESS(PlaceTest, CountsUnsampledSpansOfThePresentProvider) {
    PrivateDirectory directory;
    setenv("OTEL_TRACES_SAMPLER", "always_off", 1);
    Worker worker;
    for (int i = 0; i < 10; ++i) {
        const Named named("unsampled");
        worker([&] {
            for (int span = 0; span < 5; ++span) EXPECT_EQ(named.make(), 0);
        });
        EXPECT_EQ(test::statistics_of(named.provider).unsampled, 5u);
        EXPECT_EQ(named.shut_down(), 0);
    }
}

#ifndef __SANITIZE_THREAD__  // which cannot see that the kernel orders what a vanished thread did
TEST_IN_PROCESS(PlaceTest, IsNotKeptByAThreadThatVanished) {
    PrivateDirectory directory;
    const Named named("vanished");
    int thread = 0;
    std::thread([&] {
        EXPECT_EQ(named.make(), 0);
        thread = static_cast<int>(syscall(SYS_gettid));
        syscall(SYS_exit, 0);
    }).detach();
    while (__atomic_load_n(&thread, __ATOMIC_RELAXED) == 0 || syscall(SYS_tgkill, getpid(), thread, 0) == 0)
        sched_yield();
    EXPECT_EQ(named.shut_down(), -ETIMEDOUT);
    EXPECT_FALSE(test::is_held(directory.paths().at(0)));
}
#endif

// A thread's own destructors may trace after the library's, in whatever is open then.
TEST_IN_PROCESS(PlaceTest, IsLeftByAThreadWhoseDestructorsTrace) {
    PrivateDirectory directory;
    static Named* named;
    named = new Named("first");
    pthread_key_t key;
    ASSERT_EQ(pthread_key_create(&key, [](void*) { EXPECT_NE(named->make(), 1); }), 0);
    for (int i = 0; i < 20; ++i) {
        Worker worker;
        worker([&] {
            pthread_setspecific(key, &key);
            EXPECT_EQ(named->make(), 0);
        });
        EXPECT_EQ(named->shut_down(), -ETIMEDOUT);
        if (i % 2 == 0)
            *named = Named("next");
        else
            worker([&] { *named = Named("of the worker"); });
    }
    EXPECT_EQ(named->shut_down(), -ETIMEDOUT) << "it traced at its thread's end";
    for (const std::string& path : directory.paths()) EXPECT_FALSE(test::is_held(path));
}

// ---- Contexts, forks, signals

TEST_IN_PROCESS(PlaceTest, IsLeftWhileItsContextsAreAttached) {
    PrivateDirectory directory;
    const Named former("former");
    spr_start_options options = SPR_START_OPTIONS_INIT;
    options.trace_state = "vendor=1";
    options.trace_state_size = SPR_NUL;
    spr_span span, current;
    ASSERT_EQ(spr_span_start_with(former.tracer, "attached", SPR_NUL, &options, &span), 1);
    spr_span_token token;
    ASSERT_EQ(spr_span_attach(&span, &token), 0);
    EXPECT_EQ(former.shut_down(), 0);
    const Named present("present");
    EXPECT_EQ(spr_span_current(&current), 1);
    EXPECT_EQ(current.handle, span.handle);
    expect_spent(current);
    spr_span child;
    ASSERT_EQ(present.start(child), 1);
    EXPECT_EQ(test::trace_id(child.context), test::trace_id(span.context)) << "the trace goes on";
    EXPECT_EQ(spr_span_end(&child), 0);
    EXPECT_EQ(spr_context_detach(&token.token), 0);
    EXPECT_EQ(present.shut_down(), -ETIMEDOUT);
}

TEST_IN_PROCESS(PlaceTest, IsFreeInAChildAsWell) {
    PrivateDirectory directory;
    Worker worker;
    const Named former("former"), present("present");
    spr_span span, other;
    worker([&] { EXPECT_EQ(former.start(span), 1); });
    EXPECT_EQ(former.start(other), 1);
    EXPECT_EQ(former.shut_down(), 0);
    EXPECT_EQ(present.make(), 0);
    test::in_child([&] {
        expect_spent(former, false);
        expect_spent(span);
        expect_spent(other);
        EXPECT_EQ(present.make(), 0);
        for (int i = 0; i < 20; ++i) {
            const Named own("own");
            EXPECT_EQ(own.make(), 0);
            EXPECT_EQ(own.shut_down(), -ETIMEDOUT);
        }
        EXPECT_EQ(present.shut_down(), -ETIMEDOUT);
    });
    worker([&] { expect_spent(span); });
    EXPECT_EQ(present.make(), 0);
}

const Named* g_present;
std::atomic<uint64_t> g_handled;

void trace_in_handler(int) {
    const int error = errno;
    if (const Named* named = __atomic_load_n(&g_present, __ATOMIC_ACQUIRE)) {
        spr_span span;
        if (named->start(span) == 1) {
            spr_span_set_int64(&span, "handler", SPR_NUL, 1);
            spr_span_end(&span);
        }
        ++g_handled;
    }
    errno = error;
}

// A handler in the middle of whatever its thread does, which meets a provider that thread has never seen.
TEST_IN_PROCESS(PlaceTest, ChangesUnderThreadsThatHandlersInterrupt) {
    PrivateDirectory directory;
    struct sigaction action = {};
    action.sa_handler = trace_in_handler;
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &action, nullptr);
    std::atomic<bool> done{false};
    std::atomic<const Named*> use{nullptr};
    std::atomic<uint32_t> inside{0};
    std::thread worker([&] {
        while (!done) {
            ++inside;
            if (const Named* named = use.load()) {
                spr_span span;
                if (named->start(span) == 1) {
                    for (int i = 0; i < 20; ++i) spr_span_set_int64(&span, "key", SPR_NUL, i);
                    spr_span_end(&span);
                }
            }
            --inside;
        }
    });
    std::vector<std::unique_ptr<Named>> all;
    for (int i = 0; i < 400; ++i) {
        all.push_back(std::make_unique<Named>("provider" + std::to_string(i)));
        const Named* const former = use.exchange(all.back().get());
        __atomic_store_n(&g_present, all.back().get(), __ATOMIC_RELEASE);
        const uint64_t handled = g_handled;
        while (g_handled < handled + 3) {
            pthread_kill(worker.native_handle(), SIGUSR1);
            sched_yield();
        }
        if (former != nullptr) former->shut_down();
        empty(directory);
    }
    done = true;
    worker.join();
}

}  // namespace
}  // namespace spanring
