// SPDX-License-Identifier: Apache-2.0
//
// What is sampled, by the application's sampler and by the agent's order, and what the spans say of it.
#include <cstdlib>
#include <string>

#include "ring/sampling_directive.hpp"
#include "support/bell_listener.hpp"
#include "support/carried.hpp"
#include "support/tracing.hpp"

namespace spanring {
namespace {

using ring::PolicyBits;
using ring::SamplingDirective;
using test::Tracing;

// How many of a thousand traces were sampled.
int sampled(Tracing& tracing) {
    int count = 0;
    for (int i = 0; i < 1000; ++i) {
        spr_span span;
        const int result = spr_span_start(tracing.tracer(), "root", SPR_NUL, &span);
        EXPECT_GE(result, 0);
        EXPECT_EQ(span.context.trace_flags,
                  result == 1 ? SPR_TRACE_FLAG_SAMPLED | SPR_TRACE_FLAG_RANDOM : SPR_TRACE_FLAG_RANDOM);
        if (result == 1) {
            EXPECT_EQ(spr_span_end(&span), 0);
        }
        count += result;
    }
    tracing.agent().release_full();
    return count;
}

void order(Tracing& tracing, SamplingDirective order) { tracing.agent().set_policy(order.pack(0)); }

TEST_IN_PROCESS(SamplingTest, AnOrderHoldsFromTheNextSpanOn) {
    Tracing tracing;
    EXPECT_EQ(sampled(tracing), 1000);
    order(tracing, SamplingDirective::ratio(0));
    EXPECT_EQ(sampled(tracing), 0);
    EXPECT_EQ(spr_tracer_enabled(tracing.tracer()), 1) << "a parent may be sampled";
    order(tracing, SamplingDirective::ratio(0.5));
    EXPECT_NEAR(sampled(tracing), 500, 100);
    order(tracing, SamplingDirective::rate(7));
    EXPECT_GE(sampled(tracing), 7);
    order(tracing, {});
    EXPECT_EQ(sampled(tracing), 1000);
    tracing.agent().set_policy(PolicyBits::kDisabled);
    EXPECT_EQ(sampled(tracing), 0);
    EXPECT_EQ(spr_tracer_enabled(tracing.tracer()), 0);
    test::expect_balance(tracing.statistics(), 0, tracing.statistics().ended);
}

TEST_IN_PROCESS(SamplingTest, ASpanThatIsRecordedWakesAnAgentThatSleeps) {
    Tracing tracing;
    ASSERT_EQ(tracing.make("first"), 0);
    test::BellListener listener(tracing.directory().path());
    uint64_t& policy = tracing.view().control().policy;
    tracing.agent().set_policy(PolicyBits::kAsleep);
    spr_span span = tracing.start("root");
    EXPECT_EQ(policy, 0u);
    EXPECT_EQ(listener.rings(), 1);
    tracing.agent().set_policy(PolicyBits::kAsleep);
    spr_span child = tracing.start("follows its parent");
    EXPECT_EQ(listener.rings(), 1);
    EXPECT_EQ(spr_span_end(&child), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(listener.rings(), 0);

    const uint64_t off = SamplingDirective::ratio(0).pack(PolicyBits::kAsleep);
    tracing.agent().set_policy(off);
    EXPECT_EQ(sampled(tracing), 0);
    EXPECT_EQ(policy, off) << "for nothing nobody is woken";
    tracing.agent().set_policy(SamplingDirective::ratio(1).pack(PolicyBits::kAsleep));
    EXPECT_EQ(sampled(tracing), 1000);
    EXPECT_EQ(policy, SamplingDirective::ratio(1).pack(0));
}

TEST_IN_PROCESS(SamplingTest, AnOrderWakesASamplerThatIsOff) {
    for (const char* sampler : {"always_off", "parentbased_always_off"}) {
        setenv("OTEL_TRACES_SAMPLER", sampler, 1);
        Tracing tracing;
        EXPECT_EQ(sampled(tracing), 0);
        order(tracing, SamplingDirective::ratio(1));
        EXPECT_EQ(sampled(tracing), 1000) << sampler;
        EXPECT_EQ(spr_tracer_enabled(tracing.tracer()), 1);
        order(tracing, {});
        EXPECT_EQ(sampled(tracing), 0) << sampler;
    }
}

TEST_IN_PROCESS(SamplingTest, ARateHoldsOverManyStarts) {
    setenv("OTEL_TRACES_SAMPLER", "parentbased_ratelimiting", 1);
    setenv("OTEL_TRACES_SAMPLER_ARG", "0.001", 1);  // one, and the next in a thousand seconds
    Tracing tracing;
    EXPECT_EQ(sampled(tracing), 1);
    EXPECT_EQ(sampled(tracing), 0);
    EXPECT_EQ(tracing.statistics().unsampled, 1999u);
}

TEST_IN_PROCESS(SamplingTest, TheTraceStateSaysHowATraceWasSampled) {
    setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio", 1);
    setenv("OTEL_TRACES_SAMPLER_ARG", "1", 1);
    Tracing tracing;
    spr_span root = tracing.start("root");
    spr_start_options options = SPR_START_OPTIONS_INIT;
    options.parent_mode = SPR_PARENT_EXPLICIT;
    options.parent = &root.context;
    options.trace_state = "vendor=1,ot=rv:6e6d1a75832a2f";
    options.trace_state_size = SPR_NUL;
    spr_span child;
    EXPECT_EQ(spr_span_start_with(tracing.tracer(), "child", SPR_NUL, &options, &child), 1);
    order(tracing, SamplingDirective::ratio(0.999));
    options.parent = &child.context;
    options.trace_state = nullptr;
    spr_span grandchild;
    EXPECT_EQ(spr_span_start_with(tracing.tracer(), "grandchild", SPR_NUL, &options, &grandchild), 1);
    for (const spr_span* span : {&grandchild, &child, &root}) spr_span_end(span);
    const auto segment = tracing.read();
    const auto& spans = segment.spans();
    ASSERT_EQ(spans.size(), 3u);
    EXPECT_EQ(spans[0].span.trace_state(), "ot=th:0") << "as the trace began, not as it would begin now";
    EXPECT_EQ(spans[1].span.trace_state(), "ot=th:0;rv:6e6d1a75832a2f,vendor=1");
    EXPECT_EQ(spans[2].span.trace_state(), "ot=th:0");
}

TEST_IN_PROCESS(SamplingTest, ARequestTellsHowItsTraceWasSampled) {
    setenv("OTEL_TRACES_SAMPLER", "traceidratio", 1);
    Tracing tracing;
    spr_span root = tracing.start("root");
    test::Headers local;
    EXPECT_EQ(spr_inject(&root.context, &local.carrier), 0);
    EXPECT_EQ(local["tracestate"], "ot=th:0");

    test::Carried from_elsewhere;  // by the same rule there, and another vendor's member
    test::Headers received(
        {{"traceparent", "00-0102030405060708090a0b0c0d0e0f10-0102030405060708-03"}, {"tracestate", "v=1,ot=th:8"}});
    EXPECT_EQ(spr_extract(&received.carrier, &from_elsewhere.raw), 1);
    spr_token token;
    EXPECT_EQ(spr_context_attach_with(&from_elsewhere.raw, &token), 0);
    spr_span child = tracing.start("child");
    test::Headers handed_on;
    EXPECT_EQ(spr_inject(&child.context, &handed_on.carrier), 0);
    EXPECT_EQ(handed_on["tracestate"], "ot=th:0,v=1") << "decided anew: this sampler ignores its parent";
    spr_context_detach(&token);
    spr_span_end(&child);
    const auto segment = tracing.read();
    EXPECT_EQ(segment.spans().at(0).span.trace_state(), "ot=th:0,v=1");
    spr_span_end(&root);
}

TEST_IN_PROCESS(SamplingTest, WithoutAProbabilityThereIsNoThreshold) {
    Tracing tracing;
    EXPECT_EQ(tracing.make("always on"), 0);
    order(tracing, SamplingDirective::rate(1e6));
    EXPECT_EQ(tracing.make("by a rate"), 0);
    const auto segment = tracing.read();
    ASSERT_EQ(segment.spans().size(), 2u);
    for (const auto& written : segment.spans()) EXPECT_EQ(written.span.trace_state(), "") << written.span.name();
}

TEST_IN_PROCESS(SamplingTest, ExplicitRandomnessDecides) {
    setenv("OTEL_TRACES_SAMPLER", "traceidratio", 1);
    setenv("OTEL_TRACES_SAMPLER_ARG", "0.5", 1);
    Tracing tracing;
    spr_context parent = {};
    parent.span_id[0] = 1;
    spr_start_options options = SPR_START_OPTIONS_INIT;
    options.parent_mode = SPR_PARENT_EXPLICIT;
    options.parent = &parent;
    options.trace_state_size = SPR_NUL;
    for (const uint8_t low : {0x00, 0xff}) {
        memset(parent.trace_id, low, sizeof parent.trace_id);
        parent.trace_id[0] = 1;
        spr_span span;
        options.trace_state = "ot=rv:7fffffffffffff";
        EXPECT_EQ(spr_span_start_with(tracing.tracer(), "below", SPR_NUL, &options, &span), 0);
        options.trace_state = "ot=rv:80000000000000";
        EXPECT_EQ(spr_span_start_with(tracing.tracer(), "above", SPR_NUL, &options, &span), 1);
        spr_span_end(&span);
        options.trace_state = nullptr;
        EXPECT_EQ(spr_span_start_with(tracing.tracer(), "by its id", SPR_NUL, &options, &span), low == 0xff);
        spr_span_end(&span);
    }
    EXPECT_EQ(tracing.read().spans().at(0).span.trace_state(), "ot=th:8;rv:80000000000000");
}

TEST_IN_PROCESS(SamplingTest, AnOrderOfAKindThatIsNotKnownIsNone) {
    Tracing tracing;
    EXPECT_EQ(tracing.make("first"), 0);
    tracing.agent().set_policy(PolicyBits::kSamplingKind | uint64_t{12345} << PolicyBits::kValueShift);
    EXPECT_EQ(tracing.make("second"), 0);
}

}  // namespace
}  // namespace spanring
