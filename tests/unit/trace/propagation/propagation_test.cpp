// SPDX-License-Identifier: Apache-2.0
//
// From a carrier into a process, through its spans, and out again: which propagators, which of several values, what is
// attached to a thread.
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "support/carried.hpp"
#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::Carried;
using test::Headers;
using test::Tracing;

const std::string kTrace = "0af7651916cd43dd8448eb211c80319c", kSpan = "b7ad6b7169203331";
const std::string kTraceparent = "00-" + kTrace + "-" + kSpan + "-01";
const std::string kB3 = "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1";

std::string traceparent(const spr_context& context) {
    char text[SPR_TRACEPARENT_SIZE];
    return spr_traceparent_inject(&context, text) == 0 ? text : "none";
}

// With these propagators, until it goes out of scope.
struct Chosen {
    explicit Chosen(const char* names) { spr_propagators_set(names, SPR_NUL); }
    ~Chosen() { spr_propagators_set(nullptr, 0); }
};

std::string fields() {
    std::string all;
    for (size_t i = 0; const char* field = spr_propagation_field(i); ++i)
        all += (i == 0 ? "" : " ") + std::string(field);
    return all;
}

TEST(PropagationTest, TakesContextTraceStateAndBaggage) {
    Headers in({{"Traceparent", kTraceparent},
                {"Tracestate", "a=1"},
                {"tracestate", "b=2"},
                {"Baggage", "k=v"},
                {"baggage", "l=w;p"}});
    Carried carried;
    EXPECT_EQ(spr_extract(&in.carrier, &carried.raw), 1);
    EXPECT_EQ(traceparent(carried.raw.context), kTraceparent);
    EXPECT_EQ(carried.raw.context.is_remote, 1);
    EXPECT_EQ(carried.state(), "a=1,b=2");
    EXPECT_EQ(carried.bag(), "k=v,l=w;p");

    Headers out({{"TraceParent", "old"}, {"other", "stays"}});
    EXPECT_EQ(spr_inject_with(&carried.raw, &out.carrier), 0);
    EXPECT_EQ(
        out.list,
        (Headers::List{
            {"other", "stays"}, {"traceparent", kTraceparent}, {"tracestate", "a=1,b=2"}, {"baggage", "k=v,l=w;p"}}));
}

// OpenTelemetry specification, context/api-propagators.md, Extract: what cannot be parsed leaves what was there before.
TEST(PropagationTest, LeavesWhatWasThereWhereNothingValidComes) {
    Headers first({{"traceparent", kTraceparent}, {"tracestate", "a=1"}, {"baggage", "k=v"}});
    Carried carried;
    ASSERT_EQ(spr_extract(&first.carrier, &carried.raw), 1);
    for (const Headers::List& list : {Headers::List{},
                                      {{"traceparent", "bad"}, {"tracestate", "b=2"}, {"baggage", "bad"}},
                                      {{"traceparent", kTraceparent}, {"traceparent", kTraceparent}},
                                      {{"baggage", ""}}}) {
        Headers second(list);
        EXPECT_EQ(spr_extract(&second.carrier, &carried.raw), 0);
        EXPECT_EQ(traceparent(carried.raw.context), kTraceparent);
        EXPECT_EQ(carried.state(), "a=1");
        EXPECT_EQ(carried.bag(), "k=v");
    }
    Headers third({{"baggage", "bad,l=w"}, {"traceparent", "00-" + kTrace + "-00000000000000ff-00"}});
    EXPECT_EQ(spr_extract(&third.carrier, &carried.raw), 1);
    EXPECT_EQ(carried.state(), "") << "a trace state goes with its traceparent";
    EXPECT_EQ(carried.bag(), "l=w") << "baggage that comes replaces that which was there";
}

TEST(PropagationTest, DropsAMalformedTraceStateAndKeepsTheContext) {
    Headers in({{"traceparent", kTraceparent}, {"tracestate", "a=1"}, {"tracestate", "bad"}, {"tracestate", "c=3"}});
    Carried carried;
    EXPECT_EQ(spr_extract(&in.carrier, &carried.raw), 1);
    EXPECT_EQ(carried.state(), "");
}

TEST(PropagationTest, NeedsNoMemoryForWhatIsNotWanted) {
    Headers in({{"traceparent", kTraceparent}, {"tracestate", "a=1"}, {"baggage", "k=v"}});
    spr_propagated bare = SPR_PROPAGATED_INIT;
    EXPECT_EQ(spr_extract(&in.carrier, &bare), 1);
    EXPECT_EQ(traceparent(bare.context), kTraceparent);
    EXPECT_EQ(bare.trace_state.size + bare.baggage.size, 0u);
}

TEST(PropagationTest, RemovesWhatHasNoValueThisTime) {
    Headers used({{"traceparent", kTraceparent}, {"tracestate", "old=1"}, {"baggage", "old=1"}, {"x-other", "stays"}});
    spr_propagated none = SPR_PROPAGATED_INIT;
    EXPECT_EQ(spr_inject_with(&none, &used.carrier), 0);
    EXPECT_EQ(used.list, (Headers::List{{"x-other", "stays"}}));
    Headers fresh;
    fresh.carrier.remove = nullptr;
    EXPECT_EQ(spr_inject_with(&none, &fresh.carrier), 0);
    EXPECT_EQ(spr_inject(nullptr, &fresh.carrier), 0) << "nothing is attached";
    EXPECT_TRUE(fresh.list.empty());
}

TEST(PropagationTest, ReadsB3WhicheverFormItWrites) {
    Carried carried;
    Headers both({{"b3", kB3}, {"X-B3-TraceId", kTrace}, {"X-B3-SpanId", kSpan}, {"X-B3-Sampled", "0"}});
    Headers several({{"X-B3-TraceId", kTrace},
                     {"X-B3-SpanId", kSpan},
                     {"X-B3-ParentSpanId", "05e3ac9a4f6e3b90"},
                     {"X-B3-Flags", "1"}});
    Headers fallback({{"b3", "malformed"}, {"X-B3-TraceId", kTrace}, {"X-B3-SpanId", kSpan}});
    Headers decision({{"b3", "0"}, {"X-B3-TraceId", kTrace}, {"X-B3-SpanId", kSpan}});
    Headers too_long({{"x-b3-traceid", kTrace + kTrace}, {"x-b3-spanid", kSpan}});
    for (const char* names : {"b3", "b3multi"}) {
        const Chosen chosen(names);
        EXPECT_EQ(spr_extract(&both.carrier, &carried.raw), 1);
        EXPECT_EQ(traceparent(carried.raw.context), "00-" + kB3.substr(0, 50) + "01") << "the single header goes first";
        EXPECT_EQ(carried.raw.flags, 0u);
        EXPECT_EQ(spr_extract(&fallback.carrier, &carried.raw), 1);
        EXPECT_EQ(spr_extract(&decision.carrier, &carried.raw), 0);
        EXPECT_EQ(spr_extract(&too_long.carrier, &carried.raw), 0);
        EXPECT_EQ(spr_extract(&several.carrier, &carried.raw), 1);
        EXPECT_EQ(traceparent(carried.raw.context), kTraceparent);
        EXPECT_EQ(carried.raw.flags, SPR_PROPAGATED_DEBUG);
        Headers out(Headers::List{{"x-b3-sampled", "1"}});
        EXPECT_EQ(spr_inject_with(&carried.raw, &out.carrier), 0);
        EXPECT_EQ(out.list,
                  (std::string(names) == "b3"
                       ? Headers::List{{"x-b3-sampled", "1"}, {"b3", kTrace + "-" + kSpan + "-d"}}
                       : Headers::List{{"x-b3-traceid", kTrace}, {"x-b3-spanid", kSpan}, {"x-b3-flags", "1"}}));
    }
}

TEST(PropagationTest, UsesPropagatorsInTheirOrder) {
    Headers in({{"traceparent", kTraceparent}, {"tracestate", "a=1"}, {"b3", kB3}});
    Carried carried;
    const auto found = [&](const char* names) {
        const Chosen chosen(names);
        spr_extract(&in.carrier, &carried.raw);
        return traceparent(carried.raw.context).substr(3, 4) + carried.state();
    };
    EXPECT_EQ(found("tracecontext,b3"), "80f1") << "the later one counts, and its trace has no trace state";
    EXPECT_EQ(found("b3,tracecontext"), "0af7a=1");
}

TEST(PropagationTest, ChoosesByTheListOfTheSpecification) {
    const auto chosen = [](const char* names) {
        const int unknown = spr_propagators_set(names, SPR_NUL);
        return std::to_string(unknown) + ": " + fields();
    };
    EXPECT_EQ(chosen("tracecontext"), "0: traceparent tracestate");
    EXPECT_EQ(chosen("baggage,b3"), "0: baggage b3");
    EXPECT_EQ(chosen(" b3multi , b3multi,b3multi"), "0: x-b3-traceid x-b3-spanid x-b3-sampled x-b3-flags");
    EXPECT_EQ(chosen("b3,tracecontext,b3"), "0: b3 traceparent tracestate");
    EXPECT_EQ(chosen("none"), "0: ");
    EXPECT_EQ(chosen("none,b3"), "0: b3");
    EXPECT_EQ(chosen("jaeger,xray,baggage"), "2: baggage");
    EXPECT_EQ(chosen("B3,Baggage"), "0: b3 baggage") << "as in every enumeration of the environment";
    EXPECT_EQ(chosen(""), "0: ") << "an empty choice is a choice";
    spr_propagators_set(nullptr, 0);
}

TEST_IN_PROCESS(PropagationTest, ReadsTheEnvironmentWhenItIsAskedToAndNotAtEveryCall) {
    setenv("OTEL_PROPAGATORS", "b3,other", 1);
    EXPECT_EQ(spr_propagators_set(nullptr, 0), 1);
    EXPECT_EQ(fields(), "b3");
    setenv("OTEL_PROPAGATORS", "baggage", 1);
    EXPECT_EQ(fields(), "b3");
    EXPECT_EQ(spr_propagators_set(nullptr, 0), 0);
    EXPECT_EQ(fields(), "baggage");
    setenv("OTEL_PROPAGATORS", " baggage,b3\n", 1);
    EXPECT_EQ(spr_propagators_set(nullptr, 0), 0) << "a line of a file";
    EXPECT_EQ(fields(), "baggage b3");
    setenv("OTEL_PROPAGATORS", " \n", 1);
    spr_propagators_set(nullptr, 0);
    EXPECT_EQ(fields(), "traceparent tracestate baggage") << "empty is not set";
    unsetenv("OTEL_PROPAGATORS");
    spr_propagators_set(nullptr, 0);
    EXPECT_EQ(fields(), "traceparent tracestate baggage");
}

TEST(PropagationTest, GivesUpWithTheCarriersError) {
    const Chosen chosen("tracecontext,baggage,b3,b3multi");
    Carried carried;
    Headers headers;
    headers.error = -EIO;
    EXPECT_EQ(spr_extract(&headers.carrier, &carried.raw), -EIO);
    EXPECT_EQ(spr_inject_with(&carried.raw, &headers.carrier), -EIO);
    EXPECT_EQ(spr_inject(nullptr, &headers.carrier), -EIO);
}

// A carrier that says "here is one more" for ever.
TEST(PropagationTest, IsNotHeldByACarrierWithoutEnd) {
    const Chosen chosen("baggage");
    spr_carrier endless = SPR_CARRIER_INIT;
    endless.get = [](void*, const char*, size_t, size_t, const char** value, size_t* size) {
        *value = "k=v";
        *size = SPR_NUL;
        return 1;
    };
    Carried carried;
    EXPECT_EQ(spr_extract(&endless, &carried.raw), 0);
    EXPECT_EQ(carried.bag(), "k=v");
}

TEST(PropagationTest, TakesNullAndOtherSizesForAMistake) {
    Headers headers;
    Carried carried;
    EXPECT_EQ(spr_extract(nullptr, &carried.raw), -EINVAL);
    EXPECT_EQ(spr_extract(&headers.carrier, nullptr), -EINVAL);
    EXPECT_EQ(spr_inject(nullptr, nullptr), -EINVAL);
    EXPECT_EQ(spr_inject_with(nullptr, &headers.carrier), -EINVAL);
    spr_carrier carrier = headers.carrier;
    carrier.get = nullptr;
    EXPECT_EQ(spr_extract(&carrier, &carried.raw), -EINVAL);
    carrier.set = nullptr;
    EXPECT_EQ(spr_inject(nullptr, &carrier), -EINVAL);
    carrier = headers.carrier;
    carrier.struct_size = 4;
    EXPECT_EQ(spr_extract(&carrier, &carried.raw), -EINVAL);
    spr_token token;
    spr_propagated short_one = SPR_PROPAGATED_INIT;
    short_one.struct_size = 4;
    EXPECT_EQ(spr_context_attach_with(&short_one, &token), -EINVAL);
    EXPECT_EQ(spr_context_current_with(&short_one), -EINVAL);
    struct {
        spr_propagated known = SPR_PROPAGATED_INIT;
        uint64_t news = 0;
    } newer;
    newer.known.struct_size = sizeof newer;
    EXPECT_EQ(spr_extract(&headers.carrier, &newer.known), 0) << "what is unknown is zero";
    newer.news = 1;
    EXPECT_EQ(spr_extract(&headers.carrier, &newer.known), -E2BIG);
}

// What a server does.
TEST_IN_PROCESS(PropagationTest, GoesThroughTheSpansOfAProcess) {
    Tracing tracing;
    Headers in({{"traceparent", kTraceparent}, {"tracestate", "a=1,ot=th:8"}, {"baggage", "k=v"}}), out, other_out;
    Carried carried;
    ASSERT_EQ(spr_extract(&in.carrier, &carried.raw), 1);
    spr_token request, inside;
    ASSERT_EQ(spr_context_attach_with(&carried.raw, &request), 0);
    const spr_span server = tracing.start("server");
    ASSERT_EQ(spr_context_attach(&server.context, &inside), 0);
    const spr_span client = tracing.start("client");
    EXPECT_EQ(spr_inject(&client.context, &out.carrier), 0);
    EXPECT_EQ(out.list,
              (Headers::List{
                  {"traceparent", traceparent(client.context)}, {"tracestate", "a=1,ot=th:8"}, {"baggage", "k=v"}}));

    spr_start_options own = SPR_START_OPTIONS_INIT;
    own.trace_state = "own=1";
    own.trace_state_size = SPR_NUL;
    spr_start_options root = SPR_START_OPTIONS_INIT;
    root.parent_mode = SPR_PARENT_ROOT;
    spr_start_options explicitly = SPR_START_OPTIONS_INIT;
    explicitly.parent_mode = SPR_PARENT_EXPLICIT;
    explicitly.parent = &client.context;
    spr_span with_own, with_root, with_parent;
    EXPECT_EQ(spr_span_start_with(tracing.tracer(), "own", SPR_NUL, &own, &with_own), 1);
    EXPECT_EQ(spr_span_start_with(tracing.tracer(), "root", SPR_NUL, &root, &with_root), 1);
    EXPECT_EQ(spr_span_start_with(tracing.tracer(), "parent", SPR_NUL, &explicitly, &with_parent), 1);
    EXPECT_EQ(spr_inject(&with_root.context, &other_out.carrier), 0);
    EXPECT_EQ(other_out.list, (Headers::List{{"traceparent", traceparent(with_root.context)}, {"baggage", "k=v"}}))
        << "of another trace: no trace state, but the baggage";
    EXPECT_EQ(spr_context_detach(&inside), 0);
    EXPECT_EQ(spr_context_detach(&request), 0);
    const spr_span after = tracing.start("after");
    for (const spr_span* span :
         std::initializer_list<const spr_span*>{&after, &with_parent, &with_root, &with_own, &client, &server})
        EXPECT_EQ(spr_span_end(span), 0);

    const auto segment = tracing.read();
    EXPECT_EQ(segment.named("server").parent_span_id(), test::span_id(carried.raw.context));
    for (const char* name : {"server", "client", "parent"})
        EXPECT_EQ(segment.named(name).trace_state(), "a=1,ot=th:8") << name;
    EXPECT_EQ(segment.named("own").trace_state(), "own=1");
    for (const char* name : {"root", "after"}) EXPECT_EQ(segment.named(name).trace_state(), "") << name;
}

TEST_IN_PROCESS(PropagationTest, RecordsATraceStateWithANameThatIsTooLongForTheFirstWrite) {
    Tracing tracing;
    Headers in({{"traceparent", kTraceparent}, {"tracestate", "a=1"}});
    Carried carried;
    ASSERT_EQ(spr_extract(&in.carrier, &carried.raw), 1);
    spr_token token;
    spr_context_attach_with(&carried.raw, &token);
    const std::string name(1000, 'n');
    const spr_span span = tracing.start(name.c_str());
    spr_context_detach(&token);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(tracing.read().named(name).trace_state(), "a=1");
}

}  // namespace
}  // namespace spanring
