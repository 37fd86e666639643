// SPDX-License-Identifier: Apache-2.0
//
// What happens between the start and the end of a span besides the span: no system call, no allocation, no thread, no
// descriptor. Not under sanitizers: their own runtime does all of these.
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/tracing.hpp"

// Everything that the C library would allocate passes through here.
namespace {

thread_local bool t_watching = false;
thread_local int t_allocations = 0;

void note_allocation() {
    if (t_watching) ++t_allocations;
}

}  // namespace

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);

void* malloc(size_t size) {
    note_allocation();
    return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
    note_allocation();
    return __libc_calloc(count, size);
}
void* realloc(void* old, size_t size) {
    note_allocation();
    return __libc_realloc(old, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
    note_allocation();
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** ret, size_t alignment, size_t size) {
    note_allocation();
    *ret = __libc_memalign(alignment, size);
    return *ret != nullptr ? 0 : ENOMEM;
}
void free(void* memory) { __libc_free(memory); }
}

namespace spanring {
namespace {

using test::Tracing;

constexpr int kRounds = 20'000;  // long enough for several anchors of the clock

const std::string kLong(3000, 'x');

// A carrier that has every header and takes every header.
int get_header(void*, const char* key, size_t, size_t index, const char** value, size_t* size) {
    const bool is_parent = strcmp(key, "traceparent") == 0, is_baggage = strcmp(key, "baggage") == 0;
    *value = is_parent ? "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" : is_baggage ? "k=v%20w" : "a=1,b=2";
    *size = SPR_NUL;
    return index == 0;
}
int set_header(void*, const char*, size_t, const char*, size_t) { return 0; }

// Each function of the header that is about propagation.
int propagate_everything(const spr_context& context) {
    int failed = 0;
    char state[SPR_TRACESTATE_SIZE], baggage[256], value[16];
    spr_propagated propagated = SPR_PROPAGATED_INIT, current = SPR_PROPAGATED_INIT;
    propagated.trace_state = {state, 0, sizeof state};
    propagated.baggage = {baggage, 0, sizeof baggage};
    spr_carrier carrier = SPR_CARRIER_INIT;
    carrier.get = get_header;
    carrier.set = set_header;
    failed += spr_extract(&carrier, &propagated) != 1;
    spr_token token;
    failed += spr_context_attach_with(&propagated, &token) != 0;
    failed += spr_context_current_with(&current) != 1;
    failed += spr_inject(nullptr, &carrier) != 0;
    failed += spr_inject(&context, &carrier) != 0;
    failed += spr_context_detach(&token) != 0;
    failed += spr_inject_with(&propagated, &carrier) != 0;
    failed += spr_propagation_field(0) == nullptr;
    failed += spr_propagators_set("tracecontext,baggage,b3", SPR_NUL) != 0;
    failed += spr_propagators_set(nullptr, 0) != 0;
    spr_text text = {value, 0, sizeof value};
    failed += spr_baggage_get(baggage, propagated.baggage.size, "k", 1, &text) != 1;
    failed += spr_baggage_set(&propagated.baggage, "l", 1, "w", 1, nullptr, 0) != 0;
    failed += spr_baggage_remove(&propagated.baggage, "k", 1) != 1;
    failed += spr_tracestate_set(&propagated.trace_state, "c", 1, "3", 1) != 0;
    failed += spr_tracestate_remove(&propagated.trace_state, "a", 1) != 1;
    spr_member member;
    size_t cursor = 0;
    failed += spr_tracestate_next(state, propagated.trace_state.size, &cursor, &member) != 1;
    cursor = 0;
    failed += spr_baggage_next(baggage, propagated.baggage.size, &cursor, &member) != 1;
    spr_b3_headers headers;
    char b3[SPR_B3_SIZE];
    spr_context extracted;
    failed += spr_b3_inject(&context, 0, b3) != 0;
    failed += spr_b3_extract(b3, SPR_NUL, &extracted, nullptr) != 1;
    failed += spr_b3multi_inject(&context, 0, &headers) != 0;
    failed += spr_b3multi_extract(headers.trace_id, SPR_NUL, headers.span_id, SPR_NUL, headers.sampled, SPR_NUL,
                                  nullptr, 0, &extracted, nullptr) != 1;
    spr_environment environment = SPR_ENVIRONMENT_INIT;
    failed += spr_environment_carrier(&environment, &carrier) != 0;
    failed += spr_extract(&carrier, &propagated) < 0;
    return failed;
}

// Each function of the header that is HOT, with everything that a span can carry. How many calls did not succeed.
int trace_everything(spr_tracer* tracer) {
    int failed = 0;
    const spr_attribute attributes[] = {test::text_attribute("a", "b"), test::int_attribute("c", 1)};
    spr_span outer;
    failed += spr_span_start(tracer, "outer", SPR_NUL, &outer) != 1;
    spr_token token;
    failed += spr_context_attach(&outer.context, &token) != 0;

    spr_start_options start = SPR_START_OPTIONS_INIT;
    const spr_link link = {outer.context, attributes, 2, nullptr, 0, 0, 0};
    start.attributes = attributes;
    start.attribute_count = 2;
    start.links = &link;
    start.link_count = 1;
    start.trace_state = "vendor=value";
    start.trace_state_size = SPR_NUL;
    spr_span inner;
    failed += spr_span_start_with(tracer, "inner", SPR_NUL, &start, &inner) != 1;
    failed += spr_span_set_string(&inner, "string", SPR_NUL, "value", SPR_NUL) != 0;
    failed += spr_span_set_string(&inner, "long", SPR_NUL, kLong.data(), kLong.size()) != 0;
    failed += spr_span_set_bool(&inner, "bool", SPR_NUL, 1) != 0;
    failed += spr_span_set_int64(&inner, "int", SPR_NUL, -1) != 0;
    failed += spr_span_set_double(&inner, "double", SPR_NUL, 0.5) != 0;
    failed += spr_span_set_int64(&inner, "int", SPR_NUL, 2) != 0;
    failed += spr_span_set_int64(&inner, "", SPR_NUL, 2) == 0;
    const spr_event event = {"event", SPR_NUL, 0, attributes, 2, 0, 0};
    failed += spr_span_add_event(&inner, &event) != 0;
    failed += spr_span_add_link(&inner, &link) != 0;
    spr_exception exception = SPR_EXCEPTION_INIT;
    exception.type = "type";
    exception.attributes = attributes;
    exception.attribute_count = 2;
    failed += spr_span_record_exception(&inner, &exception) != 0;
    spr_whole_span whole = SPR_WHOLE_SPAN_INIT;
    whole.context = &inner.context;
    whole.parent = &outer.context;
    whole.attributes = attributes;
    whole.attribute_count = 2;
    whole.events = &event;
    whole.event_count = 1;
    whole.links = &link;
    whole.link_count = 1;
    failed += spr_span_record(tracer, &whole, nullptr) != 1;
    failed += spr_span_set_status(&inner, SPR_STATUS_ERROR, "message", SPR_NUL) != 0;
    failed += spr_span_set_name(&inner, "renamed", SPR_NUL) != 0;
    failed += spr_span_set_kind(&inner, SPR_KIND_SERVER) != 0;
    failed += spr_span_is_recording(&inner) != 1;
    failed += spr_tracer_enabled(tracer) != 1;
    char header[SPR_TRACEPARENT_SIZE];
    spr_context context;
    failed += spr_traceparent_inject(&inner.context, header) != 0;
    failed += spr_traceparent_extract(header, SPR_NUL, &context) != 0;
    failed += spr_context_current(&context) != 1;
    failed += propagate_everything(inner.context);
    spr_end_options end = SPR_END_OPTIONS_INIT;
    end.attributes = attributes;
    end.attribute_count = 2;
    end.events = &event;
    end.event_count = 1;
    failed += spr_span_end_with(&inner, &end) != 0;
    failed += spr_span_end(&inner) == 0;
    failed += spr_context_detach(&token) != 0;
    failed += spr_span_end(&outer) != 0;
    return failed;
}

// Without a system call.
void pause_a_moment() {
    for (int i = 0; i < 100; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
}

// From here on each system call but the last one kills the process with SIGSYS.
bool forbid_system_calls(unsigned flags = 0) {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    const sock_fprog program = {static_cast<unsigned short>(std::size(filter)), filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0;
}

constexpr int kNoFilter = 99;

// Does it where no system call is possible. The wait status.
int where_system_calls_kill(const std::function<int()>& body) {
    return test::status_of_child([&] {
        if (!forbid_system_calls()) return kNoFilter;
        syscall(SYS_exit_group, body());
        return 0;
    });
}

TEST_IN_PROCESS(QuietTest, ASystemCallWouldBeSeen) {
    const int status = where_system_calls_kill([] { return syscall(SYS_getppid) > 0 ? 0 : 1; });
    if (WIFEXITED(status) && WEXITSTATUS(status) == kNoFilter) GTEST_SKIP() << "seccomp filters are not allowed here";
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << test::describe_status(status);
}

TEST_IN_PROCESS(QuietTest, NoSystemCallBetweenStartAndEnd) {
    Tracing tracing;
    const int status = test::status_of_child([&] {
        if (trace_everything(tracing.tracer()) != 0) return 1;  // the thread's first
        auto agent = tracing.agent();
        // The memory that it needs, after the first small chunk also for large ones: a cold step, and a system call.
        for (int round = 0; round < kRounds / 100; ++round) {
            if (trace_everything(tracing.tracer()) != 0) return 1;
            agent.release_full();
        }
        if (!forbid_system_calls()) return kNoFilter;
        int failed = 0;
        for (int round = 0; round < kRounds; ++round) {
            failed += trace_everything(tracing.tracer());
            agent.release_full();
        }
        syscall(SYS_exit_group, failed == 0 ? 0 : 2);
        return 3;
    });
    if (WIFEXITED(status) && WEXITSTATUS(status) == kNoFilter) GTEST_SKIP() << "seccomp filters are not allowed here";
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the child " << test::describe_status(status);
}

// Threads that trace for the first time, a ring that grows to its end and is full: all of it under the filter.
TEST_IN_PROCESS(QuietTest, NoSystemCallAtAllWhereMemoryWasTakenAtOpen) {
    constexpr int kThreads = 3;
    const int status = test::status_of_child([&] {
        spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
        options.memory_limit = 3 << 20;
        options.memory = SPR_MEMORY_AT_OPEN;
        Tracing tracing(options);
        if (spr_provider_state(tracing.provider()) != 1) return 4;
        static std::atomic<bool> go{false};
        static std::atomic<int> ready{0}, failed{0}, first{0}, done{0};
        const auto trace = [&] {
            failed += trace_everything(tracing.tracer());
            ++first;
            while (first.load() != kThreads + 1) pause_a_moment();  // there was room for all of them
            spr_span span;
            for (int round = 0; round < kRounds / 4; ++round) {  // more than the ring holds
                spr_span_start(tracing.tracer(), "span", SPR_NUL, &span);
                spr_span_set_string(&span, "key", SPR_NUL, kLong.data(), kLong.size());
                spr_span_end(&span);
            }
            ++done;
        };
        for (int i = 0; i < kThreads; ++i)
            std::thread([&] {
                ++ready;  // its start was system calls as well
                while (!go.load()) pause_a_moment();
                trace();
                for (;;) pause_a_moment();  // and so would be its end
            }).detach();
        while (ready.load() != kThreads) pause_a_moment();
        if (!forbid_system_calls(SECCOMP_FILTER_FLAG_TSYNC)) return kNoFilter;
        go.store(true);
        trace();
        while (done.load() != kThreads + 1) pause_a_moment();
        const spr_statistics statistics = test::statistics_of(tracing.provider());
        const bool sound = failed == 0 && statistics.dropped_full != 0 && statistics.started == statistics.ended;
        syscall(SYS_exit_group, sound ? 0 : 2);
        return 3;
    });
    if (WIFEXITED(status) && WEXITSTATUS(status) == kNoFilter) GTEST_SKIP() << "seccomp filters are not allowed here";
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the child " << test::describe_status(status);
}

TEST_IN_PROCESS(QuietTest, NoSystemCallWhereNothingIsSampledOrTracingIsOff) {
    const auto status_with = [](const char* variable, const char* value) {
        setenv(variable, value, 1);
        Tracing tracing;
        return test::status_of_child([&] {
            spr_span span;
            spr_span_start(tracing.tracer(), "first", SPR_NUL, &span);
            if (!forbid_system_calls()) return kNoFilter;
            for (int round = 0; round < kRounds; ++round) {
                spr_span_start(tracing.tracer(), "span", SPR_NUL, &span);
                spr_span_set_int64(&span, "key", SPR_NUL, 1);
                spr_span_end(&span);
            }
            syscall(SYS_exit_group, span.handle == 0 ? 0 : 2);
            return 3;
        });
    };
    for (const auto& [variable, value] :
         {std::pair("OTEL_TRACES_SAMPLER", "always_off"), std::pair("SPANRING_DISABLED", "1")}) {
        const int status = status_with(variable, value);
        if (WIFEXITED(status) && WEXITSTATUS(status) == kNoFilter)
            GTEST_SKIP() << "seccomp filters are not allowed here";
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
            << variable << ": the child " << test::describe_status(status);
    }
}

TEST_IN_PROCESS(QuietTest, NoAllocationBetweenStartAndEnd) {
    Tracing tracing;
    ASSERT_EQ(trace_everything(tracing.tracer()), 0);
    auto agent = tracing.agent();
    t_watching = true;
    void* volatile seen = malloc(1);  // volatile: clang leaves out a pair of malloc() and free()
    free(seen);
    EXPECT_EQ(t_allocations, 1) << "an allocation is seen";
    t_allocations = 0;
    int failed = 0;
    for (int round = 0; round < kRounds; ++round) {
        failed += trace_everything(tracing.tracer());
        agent.release_full();
    }
    t_watching = false;
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(t_allocations, 0);
}

TEST_IN_PROCESS(QuietTest, NoAllocationInTheFirstSpanOfAProcessOrThreadEither) {
    Tracing tracing;
    int failed = 0, allocations = 0;
    const auto first = [&] {
        t_watching = true;
        failed += trace_everything(tracing.tracer());
        t_watching = false;
        allocations += t_allocations;
    };
    first();
    std::thread(first).join();
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(allocations, 0);
}

TEST_IN_PROCESS(QuietTest, NoThreadAndNoDescriptorStays) {
    const auto count = [](const char* directory) {
        const auto all = std::filesystem::directory_iterator(directory);
        return std::distance(begin(all), end(all));
    };
    const auto threads = count("/proc/self/task"), descriptors = count("/proc/self/fd");
    Tracing tracing;
    ASSERT_EQ(trace_everything(tracing.tracer()), 0);
    EXPECT_EQ(count("/proc/self/task"), threads);
    EXPECT_EQ(count("/proc/self/fd"), descriptors);
}

}  // namespace
}  // namespace spanring
