// SPDX-License-Identifier: Apache-2.0

#include "private_directory.hpp"

#include <spanring/opentelemetry.hpp>

#include <gtest/gtest.h>

#include <opentelemetry/trace/propagation/http_trace_context.h>
#include <opentelemetry/trace/provider.h>
#include <opentelemetry/trace/scope.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

namespace {
std::atomic<std::uint64_t> allocations{0};
}  // namespace

void* operator new(std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);  // relaxed: read by the thread that allocates
    if (void* const memory = std::malloc(size)) return memory;
    std::abort();
}
// Not inlined: g++ 12 sees what is freed, and not that the operator above made it.
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

namespace baggage = opentelemetry::baggage;
namespace nostd = opentelemetry::nostd;
namespace trace = opentelemetry::trace;
using opentelemetry::context::Context;
using opentelemetry::context::RuntimeContext;
using spanring::otel::is_same;
using spanring::otel::is_valid;
using spanring::otel::to_spanring;

const auto* const kDirectory = ::testing::AddGlobalTestEnvironment(new PrivateDirectory);

using Span = nostd::shared_ptr<trace::Span>;

spr_provider* provider() {
    static spr_provider* const opened = [] {
        spr_provider* made = nullptr;
        spr_provider_open(nullptr, &made);
        return made;
    }();
    return opened;
}

spr_tracer* c_tracer() {
    spr_tracer* made = nullptr;
    spr_tracer_get(provider(), SPR_S("c"), nullptr, 0, nullptr, 0, &made);
    return made;
}

nostd::shared_ptr<trace::TracerProvider> api() {
    static const std::shared_ptr<trace::TracerProvider> made =
        std::make_shared<spanring::otel::TracerProvider>(provider());
    return nostd::shared_ptr<trace::TracerProvider>{made};
}

nostd::shared_ptr<trace::Tracer> tracer() { return api()->GetTracer("api"); }

spr_span start_in_c() {
    spr_span span{};
    spr_span_start(c_tracer(), SPR_S("in C"), &span);
    return span;
}

spr_context current_in_c() {
    spr_context context{};
    spr_context_current(&context);
    return context;
}

bool is_current_in_c(const Span& span) { return is_same(current_in_c(), to_spanring(span->GetContext())); }
bool is_current(const Span& span) { return trace::Tracer::GetCurrentSpan()->GetContext() == span->GetContext(); }

trace::SpanContext caller(const char* state = "vendor=1") {
    const std::uint8_t trace_id[16] = {1}, span_id[8] = {2};
    return {trace::TraceId{trace_id}, trace::SpanId{span_id}, trace::TraceFlags{1}, true,
            trace::TraceState::FromHeader(state)};
}

std::string baggage_in_c() {
    spr_propagated here = SPR_PROPAGATED_INIT;
    spr_context_current_with(&here);
    return {here.baggage.data, here.baggage.size};
}

std::string value_in(const Context& context, const char* key) {
    std::string value;
    baggage::GetBaggage(context)->GetValue(key, value);
    return value;
}

class Headers : public opentelemetry::context::propagation::TextMapCarrier {
public:
    nostd::string_view Get(nostd::string_view key) const noexcept override {
        const auto found = values.find(std::string(key));
        return found != values.end() ? nostd::string_view{found->second} : nostd::string_view{};
    }
    void Set(nostd::string_view key, nostd::string_view value) noexcept override {
        values[std::string(key)] = std::string(value);
    }

    std::map<std::string, std::string> values;
};

TEST(OpenTelemetryContextTest, AScopeOfTheApiIsSpanringsContext) {
    const Span span = tracer()->StartSpan("outer");
    {
        const trace::Scope scope{span};
        EXPECT_TRUE(is_current_in_c(span));
        const spr_span below = start_in_c();
        EXPECT_EQ(std::memcmp(below.context.trace_id, current_in_c().trace_id, 16), 0);
        spr_span_end(&below);
        spr_span found{};
        EXPECT_EQ(spr_span_current(&found), 1);
        EXPECT_EQ(spr_span_set_int64(&found, "from C", 6, 1), 0);
    }
    EXPECT_EQ(spr_context_current(nullptr), -EINVAL);
    spr_context none{};
    EXPECT_EQ(spr_context_current(&none), 0);
}

TEST(OpenTelemetryContextTest, WhatSpanringAttachesIsTheApisContext) {
    const spr_span outer = start_in_c();
    spr_span_token token;
    spr_span_attach(&outer, &token);
    {
        const Span current = trace::Tracer::GetCurrentSpan();
        EXPECT_TRUE(is_same(to_spanring(current->GetContext()), outer.context));
        EXPECT_TRUE(current->IsRecording());
        current->SetAttribute("through the API", 1);
    }
    EXPECT_EQ(spr_span_is_recording(&outer), 1);  // the API's object has not ended it
    const Span child = tracer()->StartSpan("child");
    EXPECT_EQ(std::memcmp(child->GetContext().trace_id().Id().data(), outer.context.trace_id, 16), 0);
    trace::Tracer::GetCurrentSpan()->End();
    EXPECT_EQ(spr_span_is_recording(&outer), 0);  // the program has
    spr_context_detach(&token.token);
    EXPECT_FALSE(trace::Tracer::GetCurrentSpan()->GetContext().IsValid());
}

TEST(OpenTelemetryContextTest, TheInnermostOfBothIsCurrent) {
    const Span outer = tracer()->StartSpan("outer");
    const trace::Scope outer_scope{outer};
    const spr_span middle = start_in_c();
    spr_token token;
    spr_context_attach(&middle.context, &token);
    EXPECT_TRUE(is_same(to_spanring(trace::Tracer::GetCurrentSpan()->GetContext()), middle.context));
    {
        const Span inner = tracer()->StartSpan("inner");
        const trace::Scope inner_scope{inner};
        EXPECT_TRUE(is_current_in_c(inner));
        EXPECT_TRUE(is_current(inner));
    }
    EXPECT_TRUE(is_same(current_in_c(), middle.context));
    spr_context_detach(&token);
    EXPECT_TRUE(is_current_in_c(outer));
    EXPECT_TRUE(is_current(outer));
    spr_span_end(&middle);
}

TEST(OpenTelemetryContextTest, ScopesThatCloseInAnyOrderLeaveBothAtOne) {
    const Span first = tracer()->StartSpan("first"), second = tracer()->StartSpan("second");
    auto outer = std::make_unique<trace::Scope>(first);
    auto inner = std::make_unique<trace::Scope>(second);
    outer.reset();
    EXPECT_EQ(trace::Tracer::GetCurrentSpan()->GetContext().IsValid(), is_valid(current_in_c()));
    inner.reset();
    EXPECT_FALSE(is_valid(current_in_c()));
}

TEST(OpenTelemetryContextTest, IsThatOfItsThread) {
    const Span span = tracer()->StartSpan("here");
    const trace::Scope scope{span};
    std::thread{[&] {
        EXPECT_FALSE(trace::Tracer::GetCurrentSpan()->GetContext().IsValid());
        const trace::Scope again{span};
        EXPECT_TRUE(is_current_in_c(span));
    }}.join();
    EXPECT_TRUE(is_current_in_c(span));
}

TEST(OpenTelemetryContextTest, AContextWithoutASpanHidesThoseOutside) {
    const Span span = tracer()->StartSpan("outside");
    const trace::Scope scope{span};
    const auto token = RuntimeContext::Attach(Context{});
    EXPECT_FALSE(is_valid(current_in_c()));
    EXPECT_FALSE(tracer()->StartSpan("root")->GetContext().trace_id() == span->GetContext().trace_id());
}

TEST(OpenTelemetryContextTest, ARemoteParentComesWithItsTraceState) {
    const std::shared_ptr<trace::Span> remote = std::make_shared<trace::DefaultSpan>(caller());
    const trace::Scope scope{Span{remote}};
    spr_propagated here = SPR_PROPAGATED_INIT;
    spr_context_current_with(&here);
    EXPECT_EQ(here.context.is_remote, 1);
    EXPECT_EQ(std::string(here.trace_state.data, here.trace_state.size), "vendor=1");
    const Span child = tracer()->StartSpan("child");
    EXPECT_EQ(child->GetContext().trace_state()->ToHeader(), "vendor=1");
    EXPECT_FALSE(child->GetContext().IsRemote());
    child->End();
    EXPECT_EQ(child->GetContext().trace_state()->ToHeader(), "vendor=1");
}

TEST(OpenTelemetryContextTest, BaggageGoesBothWays) {
    Context with_user = RuntimeContext::GetCurrent();
    with_user = baggage::SetBaggage(with_user, baggage::Baggage::GetDefault()->Set("user", "a b;kind=1"));
    const auto token = RuntimeContext::Attach(with_user);
    EXPECT_EQ(baggage_in_c(), "user=a%20b;kind=1");
    {
        const trace::Scope scope{tracer()->StartSpan("inside")};
        EXPECT_EQ(baggage_in_c(), "user=a%20b;kind=1");
        EXPECT_EQ(value_in(RuntimeContext::GetCurrent(), "user"), "a b;kind=1");
    }
    char memory[] = "from=C%21;p";
    spr_propagated propagated = SPR_PROPAGATED_INIT;
    propagated.context = current_in_c();
    propagated.baggage = {memory, sizeof memory - 1, 0};
    spr_token in_c;
    spr_context_attach_with(&propagated, &in_c);
    EXPECT_EQ(value_in(RuntimeContext::GetCurrent(), "from"), "C!;p");
    EXPECT_EQ(value_in(RuntimeContext::GetCurrent(), "user"), "");
    {
        const auto empty = RuntimeContext::Attach(Context{});
        EXPECT_EQ(baggage_in_c(), "");
    }
    spr_context_detach(&in_c);
    EXPECT_EQ(value_in(RuntimeContext::GetCurrent(), "user"), "a b;kind=1");
}

TEST(OpenTelemetryTracerTest, IsTheSameForTheSameScope) {
    EXPECT_EQ(api()->GetTracer("one").get(), api()->GetTracer("one").get());
    EXPECT_NE(api()->GetTracer("one").get(), api()->GetTracer("one", "1").get());
    EXPECT_NE(api()->GetTracer("one", "1").get(), api()->GetTracer("one", "1", "schema").get());
#if OPENTELEMETRY_ABI_VERSION_NO >= 2
    EXPECT_NE(api()->GetTracer("one").get(), api()->GetTracer("one", "", "", {{"k", 1}}).get());
    EXPECT_EQ(api()->GetTracer("one", "", "", {{"k", 1}}).get(), api()->GetTracer("one", "", "", {{"k", 1}}).get());
#endif
}

TEST(OpenTelemetryTracerTest, WithoutAProviderSpansDoNothing) {
    spanring::otel::TracerProvider none{nullptr};
    const Span span = none.GetTracer("none")->StartSpan("nothing", {{"k", 1}});
    span->SetAttribute("k", 2);
    span->AddEvent("e");
    EXPECT_FALSE(span->IsRecording());
    EXPECT_FALSE(span->GetContext().IsValid());
}

TEST(OpenTelemetrySpanTest, RecordsUntilItEnds) {
    const Span span = tracer()->StartSpan("span");
    EXPECT_TRUE(span->IsRecording());
    const auto before = span->GetContext();
    span->End();
    EXPECT_FALSE(span->IsRecording());
    EXPECT_TRUE(span->GetContext() == before);
    span->End();
}

TEST(OpenTelemetrySpanTest, CountsAttributesThatAreLeftOutOfItsStart) {
    class MoreThanItSays : public opentelemetry::common::KeyValueIterable {
    public:
        bool ForEachKeyValue(nostd::function_ref<bool(nostd::string_view, opentelemetry::common::AttributeValue)> take)
            const noexcept override {
            return take("a", 1) && take("b", 2) && take("c", 3);
        }
        std::size_t size() const noexcept override { return 1; }
    };
    const auto refused = [] {
        spr_statistics statistics = SPR_STATISTICS_INIT;
        spr_provider_statistics(provider(), &statistics);
        return statistics.refused_data;
    };
    const std::uint64_t before = refused();
    tracer()->StartSpan("less", MoreThanItSays{})->End();
    EXPECT_EQ(refused(), before + 2);
}

TEST(OpenTelemetrySpanTest, EndsWithItsLastOwner) {
    spr_statistics before = SPR_STATISTICS_INIT, after = SPR_STATISTICS_INIT;
    Span span = tracer()->StartSpan("span");
    spr_provider_statistics(provider(), &before);
    const Span another = span;
    span = Span{};
    spr_provider_statistics(provider(), &after);
    EXPECT_EQ(after.ended, before.ended);
    const_cast<Span&>(another) = Span{};
    spr_provider_statistics(provider(), &after);
    EXPECT_EQ(after.ended, before.ended + 1);
}

TEST(OpenTelemetrySpanTest, IsOneAllocation) {
    const auto of = tracer();
    const double doubles[] = {0.5, 1.5};
    const auto before = allocations.load();
    {
        const Span span =
            of->StartSpan("span", {{"k", 1}, {"text", "value"}, {"list", nostd::span<const double>{doubles}}});
        EXPECT_TRUE(span->GetContext().IsValid());
        span->SetAttribute("later", 2);
        span->AddEvent("event", {{"k", 3}});
        span->SetStatus(trace::StatusCode::kOk);
        span->UpdateName("name");
    }
    EXPECT_EQ(allocations.load() - before, 1U);
}

TEST(OpenTelemetrySpanTest, MayBeCalledByManyThreads) {
    const Span span = tracer()->StartSpan("shared");
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&span, thread] {
            for (int i = 0; i < 1000; ++i) span->SetAttribute("k" + std::to_string(thread), i);
            span->End();
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_FALSE(span->IsRecording());
}

TEST(OpenTelemetryPropagatorTest, SendsWhatTheApisOwnReceives) {
    const std::shared_ptr<trace::Span> remote = std::make_shared<trace::DefaultSpan>(caller());
    Context context;
    context = context.SetValue(trace::kSpanKey, Span{remote});
    context = baggage::SetBaggage(context, baggage::Baggage::GetDefault()->Set("user", "a b"));
    Headers headers;
    spanring::otel::propagator()->Inject(headers, context);
    EXPECT_EQ(headers.values["baggage"], "user=a%20b");
    trace::propagation::HttpTraceContext theirs;
    Context empty;
    const auto received = trace::GetSpan(theirs.Extract(headers, empty))->GetContext();
    EXPECT_TRUE(received == caller());
    EXPECT_EQ(received.trace_state()->ToHeader(), "vendor=1");
    const Context ours = spanring::otel::propagator()->Extract(headers, empty);
    EXPECT_TRUE(trace::GetSpan(ours)->GetContext() == caller());
    EXPECT_TRUE(trace::GetSpan(ours)->GetContext().IsRemote());
    EXPECT_EQ(value_in(ours, "user"), "a b");
}

TEST(OpenTelemetryPropagatorTest, WithoutHeadersTheContextStays) {
    Context context;
    context = baggage::SetBaggage(context, baggage::Baggage::GetDefault()->Set("user", "a"));
    EXPECT_TRUE(spanring::otel::propagator()->Extract(Headers{}, context) == context);
    std::vector<std::string> fields;
    spanring::otel::propagator()->Fields([&](nostd::string_view field) {
        fields.emplace_back(field);
        return true;
    });
    EXPECT_EQ(fields, (std::vector<std::string>{"traceparent", "tracestate", "baggage"}));
}

}  // namespace
