// SPDX-License-Identifier: Apache-2.0
//
// One program over OpenTelemetry's API, run with its SDK and with spanring: tests/bindings/opentelemetry_cpp_test.py
// compares field by field what is exported.
//
//     opentelemetry_semantics NANOSECONDS SAMPLER [ENDPOINT]
//
// NANOSECONDS since the epoch are when it begins. With an ENDPOINT, http://host:port, it is the SDK that exports there,
// under that SAMPLER: always_on, or parentbased_always_on; spanring reads its own from the environment. Both print
// "sent TRACEPARENT TRACESTATE BAGGAGE" of one request that goes out.
#include "opentelemetry_sdk.hpp"

#include <spanring/opentelemetry.hpp>

#include <opentelemetry/baggage/baggage.h>
#include <opentelemetry/baggage/baggage_context.h>
#include <opentelemetry/baggage/propagation/baggage_propagator.h>
#include <opentelemetry/context/propagation/composite_propagator.h>
#include <opentelemetry/sdk/trace/samplers/always_on_factory.h>
#include <opentelemetry/sdk/trace/samplers/parent_factory.h>
#include <opentelemetry/trace/propagation/http_trace_context.h>
#include <opentelemetry/trace/scope.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

namespace trace = opentelemetry::trace;
namespace common = opentelemetry::common;
namespace nostd = opentelemetry::nostd;
using opentelemetry::context::Context;
using std::chrono::milliseconds;

using Span = nostd::shared_ptr<trace::Span>;
using Pairs = std::vector<std::pair<nostd::string_view, common::AttributeValue>>;

constexpr auto kSampled = trace::TraceFlags::kIsSampled;

trace::SpanContext caller(std::uint8_t flags = kSampled) {
    constexpr std::uint8_t trace_id[] = {0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd,
                                         0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c};
    constexpr std::uint8_t span_id[] = {0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31};
    return {trace::TraceId{trace_id}, trace::SpanId{span_id}, trace::TraceFlags{flags}, true,
            trace::TraceState::FromHeader("vendor=1,other=x y")};
}

// Every alternative that a value has.
class Values {
public:
    Pairs pairs() const {
        return {{"yes", true},
                {"int32", std::numeric_limits<std::int32_t>::min()},
                {"int64", std::numeric_limits<std::int64_t>::min()},
                {"uint32", std::numeric_limits<std::uint32_t>::max()},
                {"uint64", std::uint64_t{7}},
                {"half", 0.5},
                {"literal", "über"},
                {"text", nostd::string_view{"a view of more", 6}},
                {"empty", ""},
                {"bools", nostd::span<const bool>{bools_}},
                {"int32s", nostd::span<const std::int32_t>{int32s_}},
                {"int64s", nostd::span<const std::int64_t>{int64s_}},
                {"uint32s", nostd::span<const std::uint32_t>{uint32s_}},
                {"uint64s", nostd::span<const std::uint64_t>{uint64s_}},
                {"doubles", nostd::span<const double>{doubles_}},
                {"texts", nostd::span<const nostd::string_view>{texts_}},
                {"none", nostd::span<const std::int64_t>{}}};
    }

private:
    const std::array<bool, 2> bools_{true, false};
    const std::array<std::int32_t, 2> int32s_{-1, 1};
    const std::array<std::int64_t, 3> int64s_{std::numeric_limits<std::int64_t>::min(), 0,
                                              std::numeric_limits<std::int64_t>::max()};
    const std::array<std::uint32_t, 2> uint32s_{0, std::numeric_limits<std::uint32_t>::max()};
    const std::array<std::uint64_t, 2> uint64s_{0, 9};
    const std::array<double, 2> doubles_{0.5, -1e300};
    const std::array<nostd::string_view, 3> texts_{"a", "é", ""};
};

class Headers : public opentelemetry::context::propagation::TextMapCarrier {
public:
    nostd::string_view Get(nostd::string_view key) const noexcept override {
        const auto found = headers_.find(std::string(key));
        return found != headers_.end() ? nostd::string_view{found->second} : nostd::string_view{};
    }
    void Set(nostd::string_view key, nostd::string_view value) noexcept override {
        headers_[std::string(key)] = std::string(value);
    }

private:
    std::map<std::string, std::string> headers_;
};

class Scenario {
public:
    Scenario(trace::Tracer& tracer, std::int64_t begin) : tracer_{tracer}, begin_{begin} {}

    void run() {
        data();
        parents();
        statuses();
        corners();
    }

    void send(opentelemetry::context::propagation::TextMapPropagator& propagator) {
        Context context;
        context = context.SetValue(trace::kSpanKey, tracer_.StartSpan("sends", below(caller())));
        const auto baggage = opentelemetry::baggage::Baggage::GetDefault()->Set("user", "a-b");
        context = opentelemetry::baggage::SetBaggage(context, baggage);
        Headers headers;
        propagator.Inject(headers, context);
        std::cout << "sent " << headers.Get("traceparent") << ' ' << headers.Get("tracestate") << ' '
                  << headers.Get("baggage") << '\n';
        Context empty;
        const Context received = propagator.Extract(headers, empty);
        trace::StartSpanOptions options;
        options.parent = received;
        std::string user;
        opentelemetry::baggage::GetBaggage(received)->GetValue("user", user);
        tracer_.StartSpan("receives", {{"user", user}}, options);
    }

private:
    common::SystemTimestamp at(int milliseconds_later) const {
        return common::SystemTimestamp{std::chrono::nanoseconds{begin_} + milliseconds{milliseconds_later}};
    }
    common::SteadyTimestamp steady_at(int milliseconds_later) const {
        return common::SteadyTimestamp{steady_ + milliseconds{milliseconds_later}};
    }

    static trace::StartSpanOptions below(const trace::SpanContext& parent) {
        trace::StartSpanOptions options;
        options.parent = parent;
        return options;
    }
    static trace::StartSpanOptions root() {
        Context context;
        trace::StartSpanOptions options;
        options.parent = context.SetValue(trace::kIsRootSpanKey, true);
        return options;
    }

    void data() {
        const Values values;
        auto options = below(caller());
        options.kind = trace::SpanKind::kServer;
        options.start_system_time = at(0);
        options.start_steady_time = steady_at(0);
        const std::vector<std::pair<trace::SpanContext, Pairs>> links{
            {caller(), values.pairs()},
            {trace::SpanContext{trace::TraceId{caller().trace_id()}, trace::SpanId{caller().span_id()},
                                trace::TraceFlags{}, false},
             {}}};
        const auto span = tracer_.StartSpan("first name", values.pairs(), links, options);
        span->UpdateName("data");
        span->SetAttribute("later", 1);
        span->SetAttribute("and", 1.5);
        span->AddEvent("all", at(1), values.pairs());
        span->AddEvent("nothing", at(2));
        trace::EndSpanOptions end;
        end.end_steady_time = steady_at(1500);
        span->End(end);
        span->SetAttribute("too late", true);
        span->AddEvent("too late");
        span->SetStatus(trace::StatusCode::kError, "too late");
        span->UpdateName("too late");
        span->End();

        for (const auto kind : {trace::SpanKind::kInternal, trace::SpanKind::kClient, trace::SpanKind::kProducer,
                                trace::SpanKind::kConsumer}) {
            auto of_kind = root();
            of_kind.kind = kind;
            tracer_.StartSpan("kind " + std::to_string(static_cast<int>(kind)), of_kind);
        }
    }

    void parents() {
        const Span outer = tracer_.StartSpan("outer");
        {
            const trace::Scope scope{outer};
            {
                const Span inner = tracer_.StartSpan("inner");
                const trace::Scope inner_scope{inner};
                tracer_.StartSpan("innermost");
                tracer_.StartSpan("beside inner", below(outer->GetContext()));
            }
            tracer_.StartSpan("a root", root());
            trace::StartSpanOptions empty;
            empty.parent = Context{};
            tracer_.StartSpan("of an empty context", empty);
            tracer_.StartSpan("of an invalid context", below(trace::SpanContext::GetInvalid()));
            outer->End();
            tracer_.StartSpan("after the end of its parent");
        }
        tracer_.StartSpan("outside");
        const Span unsampled = tracer_.StartSpan("unsampled", below(caller(0)));
        const trace::Scope scope{unsampled};
        tracer_.StartSpan("unsampled too");
    }

    void statuses() {
        using Statuses = std::vector<std::pair<trace::StatusCode, const char*>>;
        const std::pair<trace::StatusCode, const char*> ok{trace::StatusCode::kOk, "ignored"},
            unset{trace::StatusCode::kUnset, ""};
        const auto error = [](const char* text) { return std::pair{trace::StatusCode::kError, text}; };
        const std::vector<std::pair<const char*, Statuses>> all{{"an error", {error("why")}},
                                                                {"ok is final", {ok, error("late")}},
                                                                {"ok goes before an error", {error("early"), ok}},
                                                                {"unset changes nothing", {error("stays"), unset}},
                                                                {"the later error", {error("1"), error("2")}}};
        for (const auto& [name, statuses] : all) {
            const Span span = tracer_.StartSpan(name, root());
            for (const auto& [code, text] : statuses) span->SetStatus(code, text);
        }
    }

    void corners() {
        tracer_.StartSpan("a key set twice", {{"k", 1}, {"k", "two"}}, root());
        tracer_.StartSpan("an empty key", {{"", 1}, {"k", 2}}, root());
        const std::array<std::uint8_t, 3> bytes{0, 0xff, 'A'};
        tracer_.StartSpan("bytes", {{"k", nostd::span<const std::uint8_t>{bytes}}}, root());
        constexpr auto huge = std::numeric_limits<std::uint64_t>::max();
        const std::array<std::uint64_t, 2> both{1, huge};
        tracer_.StartSpan("huge", {{"one", huge}, {"two", nostd::span<const std::uint64_t>{both}}}, root());
        std::vector<std::pair<std::string, int>> many(200);
        for (int i = 0; i < 200; ++i) many[i] = {"k" + std::to_string(i), i};
        tracer_.StartSpan("many", many, root());
        const auto link_to_nothing =
            std::vector<std::pair<trace::SpanContext, Pairs>>{{trace::SpanContext::GetInvalid(), {}}};
        tracer_.StartSpan("a link to nothing", Pairs{}, link_to_nothing, root());
        auto backwards = root();
        backwards.start_system_time = at(9);
        backwards.start_steady_time = steady_at(9);
        trace::EndSpanOptions end;
        end.end_steady_time = steady_at(3);
        tracer_.StartSpan("backwards", backwards)->End(end);
    }

    trace::Tracer& tracer_;
    const std::int64_t begin_;
    const std::chrono::nanoseconds steady_ = std::chrono::steady_clock::now().time_since_epoch();
};

template <typename Provider>
void run(Provider& provider, std::int64_t begin, opentelemetry::context::propagation::TextMapPropagator& propagator) {
    const auto tracer = provider.GetTracer("semantics", "2.5", "https://schemas.test/s");
    Scenario scenario{*tracer, begin};
    scenario.run();
    scenario.send(propagator);
}

}  // namespace

int main(int count, char** words) {
    if (count < 3) return 2;
    const std::int64_t begin = std::strtoll(words[1], nullptr, 10);
    if (count == 3) {
        run(*spanring::otel::provider(), begin, *spanring::otel::propagator());
        return 0;
    }
    namespace sdk = opentelemetry::sdk::trace;
    auto always_on = sdk::AlwaysOnSamplerFactory::Create();
    auto sampler = std::string_view{words[2]} == "always_on"
                       ? std::move(always_on)
                       : sdk::ParentBasedSamplerFactory::Create(std::move(always_on));
    const auto provider = make_sdk(words[3], std::move(sampler));
    std::vector<std::unique_ptr<opentelemetry::context::propagation::TextMapPropagator>> both;
    both.push_back(std::make_unique<trace::propagation::HttpTraceContext>());
    both.push_back(std::make_unique<opentelemetry::baggage::propagation::BaggagePropagator>());
    opentelemetry::context::propagation::CompositePropagator propagator{std::move(both)};
    run(*provider, begin, propagator);
    return provider->Shutdown() ? 0 : 1;
}
