// SPDX-License-Identifier: Apache-2.0
//
// What the library needs of a stack, as the public header promises it: the largest call of each kind on a stack whose
// every byte was painted, then calls on the smallest stacks that programs have.
#include <csignal>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include "support/painted_stack.hpp"
#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::Tracing;

constexpr size_t kHot = 1024;
constexpr size_t kWide = 3072;  // HOT, with lists, trace states, headers, or everything at once
constexpr size_t kCold = 4096;
constexpr size_t kLarge = 65536;

std::string long_text(size_t size) { return std::string(size, 'x'); }

void expect_at_most(size_t most, const char* what, const std::function<void()>& call) {
    test::PaintedStack stack(kLarge);
    const size_t used = stack.measure(call);
    printf("%6zu  %s\n", used, what);
    EXPECT_LE(used, most) << what;
}

TEST_IN_PROCESS(StackTest, OfColdCallsIsAPage) {
    test::PrivateDirectory directory;
    std::string pairs = "a=" + long_text(3000);
    for (int i = 0; i < 40; ++i) pairs += ",key" + std::to_string(i) + "=value%20" + std::to_string(i);
    setenv("OTEL_RESOURCE_ATTRIBUTES", pairs.c_str(), 1);
    setenv("OTEL_TRACES_SAMPLER", "traceidratio", 1);
    setenv("OTEL_TRACES_SAMPLER_ARG", "1", 1);
    setenv("SPANRING_MEMORY_LIMIT", "3MiB", 1);
    setenv("SPANRING_DIRECTORY_LIMIT", "1", 1);  // so that it is looked for what may go
    spr_provider* provider = nullptr;
    spr_tracer* tracer = nullptr;
    expect_at_most(kCold, "spr_provider_open", [&] { EXPECT_EQ(spr_provider_open(nullptr, &provider), 0); });
    const std::string name = long_text(4000);
    expect_at_most(kCold, "spr_tracer_get, a short name", [&] {
        EXPECT_EQ(spr_tracer_get(provider, "short", SPR_NUL, "1", SPR_NUL, nullptr, 0, &tracer), 0);
    });
    expect_at_most(kCold, "spr_tracer_get, a long name", [&] {
        EXPECT_EQ(spr_tracer_get(provider, name.data(), name.size(), nullptr, 0, nullptr, 0, &tracer), 0);
    });
    int made = 0;  // results that are looked at later: what tests them uses the stack as well
    const auto span = [&] {
        spr_span started;
        spr_span_start(tracer, "span", SPR_NUL, &started);
        made += spr_span_end(&started) == 0;
    };
    const auto nobody_looked = [&] {
        const timespec long_ago[2] = {{1, 0}, {0, UTIME_OMIT}};
        EXPECT_EQ(utimensat(AT_FDCWD, directory.path().c_str(), long_ago, 0), 0);
    };
    nobody_looked();
    expect_at_most(kCold, "the first span of the process", span);
    expect_at_most(kWide, "the next, with the sampler's trace state", span);
    expect_at_most(kCold, "spr_provider_statistics", [&] { test::statistics_of(provider); });
    expect_at_most(kCold, "spr_provider_flush", [&] { spr_provider_flush(provider, 1'000'000); });
    test::in_child([&] {
        nobody_looked();
        expect_at_most(kCold, "the first span of a child", span);
    });
    expect_at_most(kCold, "spr_provider_shutdown", [&] { spr_provider_shutdown(provider, 0); });
}

TEST_IN_PROCESS(StackTest, OfAThreadsFirstSpanIsAPage) {
    Tracing tracing;
    tracing.make("first");
    std::thread([&] { expect_at_most(kCold, "the first span of a thread", [&] { tracing.make("second"); }); }).join();
}

// Rolls over chunks, makes the segment grow, gives the oldest chunk up.
TEST_IN_PROCESS(StackTest, OfARingThatGrowsAndIsFullIsAPage) {
    spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    options.memory_limit = 2 << 20;
    options.full_policy = SPR_FULL_OVERWRITE_OLDEST;
    Tracing tracing(options);
    tracing.make("first");
    const std::string value = long_text(3000);
    expect_at_most(kCold, "spans until the ring is full", [&] {
        for (int i = 0; i < 3'000; ++i) {
            spr_span span = tracing.start("span");
            spr_span_set_string(&span, "key", SPR_NUL, value.data(), value.size());
            EXPECT_EQ(spr_span_end(&span), 0);
        }
    });
}

TEST_IN_PROCESS(StackTest, OfHotCallsIsAQuarterOfAPage) {
    Tracing tracing;
    tracing.make("first");
    spr_span span = tracing.start("parent");
    const std::string state = "vendor=" + long_text(200) + ",other=" + long_text(200);
    const std::string text = long_text(2000);
    const spr_attribute attributes[] = {test::text_attribute("a", "value"), test::int_attribute("b", 2),
                                        test::text_attribute("long", text.c_str())};
    spr_token plain;
    spr_span_token attached;
    char id[64];

    expect_at_most(kHot, "spr_span_start, end", [&] { tracing.make("span"); });
    expect_at_most(kHot, "spr_span_set_string, short", [&] { spr_span_set_string(&span, "k", 1, "v", 1); });
    expect_at_most(kHot, "spr_span_set_string, long",
                   [&] { spr_span_set_string(&span, "long", SPR_NUL, text.data(), text.size()); });
    expect_at_most(kHot, "spr_span_set_string, again", [&] { spr_span_set_string(&span, "k", 1, "w", 1); });
    expect_at_most(kHot, "spr_span_set_int64", [&] { spr_span_set_int64(&span, "i", 1, 1); });
    expect_at_most(kHot, "spr_span_set_attributes", [&] { spr_span_set_attributes(&span, attributes, 3); });
    expect_at_most(kHot, "spr_span_set_name", [&] { spr_span_set_name(&span, "name", SPR_NUL); });
    expect_at_most(kHot, "spr_span_set_status",
                   [&] { spr_span_set_status(&span, SPR_STATUS_ERROR, "message", SPR_NUL); });
    expect_at_most(kHot, "spr_span_add_event", [&] {
        const spr_event event = {"event", 5, 0, attributes, 3, 0, 0};
        spr_span_add_event(&span, &event);
    });
    expect_at_most(kHot, "spr_span_add_link", [&] {
        const spr_link link = {test::make_context(1, 2, 1), attributes, 3, state.data(), state.size(), 0, 0};
        spr_span_add_link(&span, &link);
    });
    expect_at_most(kWide, "spr_span_record_exception", [&] {
        spr_exception exception = SPR_EXCEPTION_INIT;
        exception.type = "Type";
        exception.type_size = SPR_NUL;
        exception.message = text.data();
        exception.message_size = text.size();
        exception.attributes = attributes;
        exception.attribute_count = 3;
        spr_span_record_exception(&span, &exception);
    });
    expect_at_most(kHot, "spr_span_attach, current, detach", [&] {
        spr_span current;
        spr_span_attach(&span, &attached);
        spr_span_current(&current);
        spr_context_detach(&attached.token);
    });
    expect_at_most(kHot, "spr_trace_id_hex", [&] { spr_trace_id_hex(&span.context, id); });
    expect_at_most(kHot, "spr_traceparent_inject, extract", [&] {
        spr_context context;
        spr_traceparent_inject(&span.context, id);
        spr_traceparent_extract(id, SPR_NUL, &context);
    });
    expect_at_most(kWide, "spr_span_start_with, everything", [&] {
        spr_start_options options = SPR_START_OPTIONS_INIT;
        const spr_link link = {test::make_context(1, 2, 1), attributes, 3, state.data(), state.size(), 0, 0};
        options.links = &link;
        options.link_count = 1;
        options.attributes = attributes;
        options.attribute_count = 3;
        options.trace_state = state.data();
        options.trace_state_size = state.size();
        spr_span other;
        EXPECT_EQ(spr_span_start_with(tracing.tracer(), "with", SPR_NUL, &options, &other), 1);
        spr_end_options end = SPR_END_OPTIONS_INIT;
        const spr_event event = {"event", 5, 0, attributes, 3, 0, 0};
        end.events = &event;
        end.event_count = 1;
        end.status = SPR_STATUS_ERROR;
        end.status_message = text.data();
        end.status_message_size = text.size();
        EXPECT_EQ(spr_span_end_with(&other, &end), 0);
    });
    expect_at_most(kWide, "spr_span_record", [&] {
        const spr_context parent = test::make_context(1, 2, 1);
        spr_whole_span whole = SPR_WHOLE_SPAN_INIT;
        const spr_event event = {"event", 5, 0, attributes, 3, 0, 0};
        const spr_link link = {test::make_context(1, 2, 1), attributes, 3, state.data(), state.size(), 0, 0};
        whole.name = "whole";
        whole.name_size = SPR_NUL;
        whole.parent = &parent;
        whole.attributes = attributes;
        whole.attribute_count = 3;
        whole.events = &event;
        whole.event_count = 1;
        whole.links = &link;
        whole.link_count = 1;
        whole.start_time_ns = 1;
        whole.end_time_ns = 2;
        whole.trace_state = state.data();
        whole.trace_state_size = state.size();
        EXPECT_EQ(spr_span_record(tracing.tracer(), &whole, nullptr), 1);
    });
    expect_at_most(kWide, "below a trace state that is attached", [&] {
        spr_propagated propagated = SPR_PROPAGATED_INIT;
        propagated.context = test::make_context(3, 4, 1, true);
        propagated.trace_state.data = const_cast<char*>(state.data());
        propagated.trace_state.size = state.size();
        EXPECT_EQ(spr_context_attach_with(&propagated, &plain), 0);
        tracing.make("below");
        spr_context_detach(&plain);
    });
    // Lists in lists, as deep as they may be.
    std::vector<spr_value> levels(40);
    for (size_t i = 0; i < levels.size(); ++i) {
        levels[i].type = SPR_TYPE_ARRAY;
        levels[i].value.array.values = i + 1 < levels.size() ? &levels[i + 1] : nullptr;
        levels[i].value.array.count = i + 1 < levels.size() ? 1 : 0;
    }
    spr_attribute nested = {};
    nested.key = "nested";
    nested.key_size = SPR_NUL;
    nested.type = SPR_TYPE_ARRAY;
    nested.value = levels[0].value;
    expect_at_most(kWide, "a list of lists", [&] { EXPECT_EQ(spr_span_set_attributes(&span, &nested, 1), 0); });
    expect_at_most(kWide, "an event with a list of lists", [&] {
        const spr_event event = {"event", 5, 0, &nested, 1, 0, 0};
        EXPECT_EQ(spr_span_add_event(&span, &event), 0);
    });

    struct Header {
        char text[1024];
        size_t size;
    } header = {};
    spr_carrier carrier = SPR_CARRIER_INIT;
    carrier.user = &header;
    carrier.get = [](void*, const char* key, size_t size, size_t index, const char** ret, size_t* ret_size) {
        if (index != 0) return 0;
        const std::string_view name(key, size);
        static const std::string big = "vendor=" + long_text(200) + ",other=" + long_text(200);
        *ret = name == "traceparent"  ? "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
               : name == "tracestate" ? big.c_str()
               : name == "baggage"    ? "key=value;p=1,other=2"
               : name == "b3"         ? "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"
                                      : nullptr;
        *ret_size = *ret != nullptr ? strlen(*ret) : 0;
        return *ret != nullptr ? 1 : 0;
    };
    carrier.set = [](void*, const char*, size_t, const char*, size_t) { return 0; };
    spr_propagators_set("tracecontext,baggage,b3,b3multi", SPR_NUL);
    char states[SPR_TRACESTATE_SIZE], baggage[256];
    expect_at_most(kWide, "spr_extract", [&] {
        spr_propagated propagated = SPR_PROPAGATED_INIT;
        propagated.trace_state = {states, 0, sizeof states};
        propagated.baggage = {baggage, 0, sizeof baggage};
        EXPECT_EQ(spr_extract(&carrier, &propagated), 1);
    });
    expect_at_most(kWide, "spr_inject", [&] { EXPECT_EQ(spr_inject(&span.context, &carrier), 0); });
    expect_at_most(kWide, "spr_span_inject", [&] { EXPECT_EQ(spr_span_inject(&span, &carrier), 0); });
}

// ---- The smallest stacks that programs have, with the first span of the process on them

spr_tracer* small_tracer;
int small_result;

void make_small_span() {
    spr_span span;
    small_result = spr_span_start(small_tracer, "span", 4, &span);
    spr_span_set_string(&span, "key", 3, "value", 5);
    if (small_result == 1) small_result = spr_span_end(&span);
}

TEST_IN_PROCESS(SmallStackTest, OfAThread) {
    Tracing tracing;
    small_tracer = tracing.tracer();
    small_result = -1;
    test::PaintedStack stack(static_cast<size_t>(PTHREAD_STACK_MIN));
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    ASSERT_EQ(pthread_attr_setstack(&attributes, stack.begin(), stack.size()), 0);
    pthread_t thread;
    ASSERT_EQ(pthread_create(
                  &thread, &attributes,
                  [](void*) -> void* {
                      make_small_span();
                      return nullptr;
                  },
                  nullptr),
              0);
    pthread_join(thread, nullptr);
    EXPECT_EQ(small_result, 0);
    printf("%zu of %zu bytes, its thread-local storage included\n", stack.used(), stack.size());
}

void raise_on_small_stack() {
    constexpr size_t kSignalStack = 8192;
    const size_t frame = getauxval(AT_MINSIGSTKSZ);
    if (frame + kCold > kSignalStack) GTEST_SKIP() << "the kernel alone puts " << frame << " bytes on a signal stack";
    test::PaintedStack stack(kSignalStack);
    const stack_t alternate = {stack.begin(), 0, stack.size()};
    ASSERT_EQ(sigaltstack(&alternate, nullptr), 0);
    struct sigaction action = {};
    action.sa_handler = [](int) { make_small_span(); };
    action.sa_flags = SA_ONSTACK;
    ASSERT_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
    small_result = -1;
    raise(SIGUSR1);
    EXPECT_EQ(small_result, 0);
    printf("%zu of %zu bytes, the kernel's frame included\n", stack.used(), stack.size());
    const stack_t none = {nullptr, SS_DISABLE, 0};
    sigaltstack(&none, nullptr);
}

TEST_IN_PROCESS(SmallStackTest, OfASignalHandler) {
    Tracing tracing;
    small_tracer = tracing.tracer();
    raise_on_small_stack();
}

TEST_IN_PROCESS(SmallStackTest, OfASignalHandlerInAChild) {
    Tracing tracing;
    EXPECT_EQ(tracing.make("the parent's"), 0);
    small_tracer = tracing.tracer();
    test::in_child(raise_on_small_stack);
}

}  // namespace
}  // namespace spanring
