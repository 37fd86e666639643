// SPDX-License-Identifier: Apache-2.0
//
// Starts that are told ids of their own, or whether to record.
#include <cerrno>
#include <cstdlib>
#include <string>

#include "ring/sampling_directive.hpp"
#include "support/carried.hpp"
#include "support/tracing.hpp"

namespace spanring {
namespace {

using ring::PolicyBits;
using ring::SamplingDirective;
using test::Tracing;

constexpr uint8_t kSampled = SPR_TRACE_FLAG_SAMPLED, kRandom = SPR_TRACE_FLAG_RANDOM;

// What a start is told.
struct Told {
    const spr_context* context = nullptr;
    uint32_t sampling = SPR_SAMPLING_ASK;
    const spr_context* parent = nullptr;
};

int start(Tracing& tracing, const Told& told, spr_span& ret_span) {
    spr_start_options options = SPR_START_OPTIONS_INIT;
    options.parent_mode = told.parent != nullptr ? SPR_PARENT_EXPLICIT : SPR_PARENT_CURRENT;
    options.parent = told.parent;
    options.context = told.context;
    options.sampling = told.sampling;
    return spr_span_start_with(tracing.tracer(), "span", SPR_NUL, &options, &ret_span);
}

TEST_IN_PROCESS(ChosenStartTest, HasTheIdsThatItWasTold) {
    Tracing tracing;
    const spr_context own = test::make_context(0xaa, 0xbb, 0);
    spr_span span;
    ASSERT_EQ(start(tracing, {&own}, span), 1);
    EXPECT_EQ(test::trace_id(span.context), test::trace_id(own));
    EXPECT_EQ(test::span_id(span.context), test::span_id(own));
    EXPECT_EQ(span.context.trace_flags, kSampled) << "nobody said that this trace id is random";
    EXPECT_EQ(spr_span_set_int64(&span, "key", SPR_NUL, 1), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    EXPECT_EQ(segment.named("span").trace_id(), test::trace_id(own));
    EXPECT_EQ(segment.named("span").span_id(), test::span_id(own));
    EXPECT_EQ(segment.named("span").parent_span_id(), "");
    EXPECT_EQ(segment.named("span").flags(), 0x101u);
}

TEST_IN_PROCESS(ChosenStartTest, MakesAnIdThatIsZero) {
    Tracing tracing;
    const spr_context trace_alone = test::make_context(0xaa, 0, kRandom), span_alone = test::make_context(0, 0xbb, 0),
                      none = {};
    spr_span span;
    ASSERT_EQ(start(tracing, {&trace_alone}, span), 1);
    EXPECT_EQ(test::trace_id(span.context), test::trace_id(trace_alone));
    EXPECT_NE(test::span_id(span.context), std::string(8, '\0'));
    EXPECT_EQ(span.context.trace_flags, kSampled | kRandom);
    spr_span_end(&span);
    for (const spr_context* own : {&span_alone, &none}) {
        ASSERT_EQ(start(tracing, {own}, span), 1);
        EXPECT_NE(test::trace_id(span.context), std::string(16, '\0'));
        EXPECT_EQ(span.context.trace_flags, kSampled | kRandom) << "made here";
        spr_span_end(&span);
    }
    EXPECT_NE(test::span_id(span.context), std::string(8, '\0'));
}

TEST_IN_PROCESS(ChosenStartTest, StaysInTheTraceOfItsParent) {
    Tracing tracing;
    const spr_context parent = test::make_context(0xaa, 0x11, kSampled, true),
                      other = test::make_context(0xab, 0xbb, 0), same = test::make_context(0xaa, 0xbb, 0),
                      span_alone = test::make_context(0, 0xcc, 0);
    spr_span span;
    memset(&span, 0x77, sizeof span);
    EXPECT_EQ(start(tracing, {&other, SPR_SAMPLING_ASK, &parent}, span), -EINVAL);
    EXPECT_EQ(span.handle, 0u);
    EXPECT_EQ(test::trace_id(span.context), std::string(16, '\0')) << "a span that does nothing";
    for (const spr_context* own : {&same, &span_alone}) {
        ASSERT_EQ(start(tracing, {own, SPR_SAMPLING_ASK, &parent}, span), 1);
        EXPECT_EQ(test::trace_id(span.context), test::trace_id(parent));
        EXPECT_EQ(test::span_id(span.context), test::span_id(*own));
        EXPECT_EQ(span.context.is_remote, 0);
        EXPECT_EQ(spr_span_end(&span), 0);
    }
    const auto segment = tracing.read();
    ASSERT_EQ(segment.spans().size(), 2u);
    for (const auto& written : segment.spans()) EXPECT_EQ(written.span.parent_span_id(), test::span_id(parent));

    spr_token token;
    spr_context_attach(&parent, &token);
    EXPECT_EQ(start(tracing, {&other}, span), -EINVAL) << "an attached parent is one as well";
    spr_context_detach(&token);
    EXPECT_EQ(start(tracing, {&other}, span), 1);
    spr_span_end(&span);
}

TEST_IN_PROCESS(ChosenStartTest, TheSamplerIsAskedWithItsTraceId) {
    setenv("OTEL_TRACES_SAMPLER", "traceidratio", 1);
    setenv("OTEL_TRACES_SAMPLER_ARG", "0.5", 1);
    Tracing tracing;
    const spr_context kept = test::make_context(0xff, 1, 0), left = test::make_context(0x01, 1, kSampled);
    spr_span span;
    EXPECT_EQ(start(tracing, {&kept}, span), 1) << "its flags decide nothing";
    spr_span_end(&span);
    EXPECT_EQ(start(tracing, {&left}, span), 0);
    EXPECT_EQ(test::trace_id(span.context), test::trace_id(left));
    EXPECT_EQ(test::span_id(span.context), test::span_id(left));
    EXPECT_EQ(span.context.trace_flags, 0);
    EXPECT_EQ(tracing.read().spans().at(0).span.trace_state(), "ot=th:8");
    EXPECT_EQ(tracing.statistics().unsampled, 1u);
}

TEST_IN_PROCESS(ChosenStartTest, IsRecordedByItsWordWhateverTheSamplerSays) {
    for (const char* sampler : {"always_off", "parentbased_always_off"}) {
        setenv("OTEL_TRACES_SAMPLER", sampler, 1);
        Tracing tracing;
        const spr_context unsampled = test::make_context(0xaa, 0x11, 0);
        spr_span span;
        EXPECT_EQ(start(tracing, {nullptr, SPR_SAMPLING_RECORD}, span), 1) << sampler;
        EXPECT_EQ(span.context.trace_flags, kSampled | kRandom) << "so that its children follow";
        spr_span_end(&span);
        EXPECT_EQ(start(tracing, {nullptr, SPR_SAMPLING_RECORD, &unsampled}, span), 1);
        spr_span_end(&span);
        EXPECT_EQ(start(tracing, {nullptr, SPR_SAMPLING_ASK}, span), 0);
        EXPECT_EQ(start(tracing, {nullptr, SPR_SAMPLING_ASK, &unsampled}, span), 0);
    }
}

TEST_IN_PROCESS(ChosenStartTest, IsLeftOutByItsWord) {
    Tracing tracing;
    const spr_context sampled = test::make_context(0xaa, 0x11, kSampled), own = test::make_context(0xaa, 0xbb, 0);
    spr_span span;
    EXPECT_EQ(start(tracing, {&own, SPR_SAMPLING_DROP, &sampled}, span), 0);
    EXPECT_EQ(span.handle, 0u);
    EXPECT_EQ(test::span_id(span.context), test::span_id(own)) << "it is propagated all the same";
    EXPECT_EQ(span.context.trace_flags & kSampled, 0);
    EXPECT_EQ(start(tracing, {nullptr, SPR_SAMPLING_DROP}, span), 0);
    EXPECT_EQ(tracing.statistics().unsampled, 2u);
    EXPECT_EQ(start(tracing, {nullptr, SPR_SAMPLING_DROP + 1}, span), -EINVAL);
}

TEST_IN_PROCESS(ChosenStartTest, TheAgentsOffGoesBeforeTheWordAndItsRatioDoesNot) {
    Tracing tracing;
    const spr_context own = test::make_context(0xaa, 0xbb, kSampled);
    spr_span span;
    EXPECT_EQ(start(tracing, {&own, SPR_SAMPLING_RECORD}, span), 1);
    spr_span_end(&span);
    tracing.agent().set_policy(SamplingDirective::ratio(0).pack(0));
    EXPECT_EQ(start(tracing, {&own, SPR_SAMPLING_RECORD}, span), 1);
    spr_span_end(&span);
    EXPECT_EQ(start(tracing, {&own}, span), 0);
    tracing.agent().set_policy(PolicyBits::kDisabled);
    EXPECT_EQ(start(tracing, {&own, SPR_SAMPLING_RECORD}, span), 0);
    EXPECT_EQ(start(tracing, {&own}, span), 0);
    EXPECT_EQ(test::span_id(span.context), test::span_id(own));
}

// Where a trace is recorded for another reason than its randomness, nobody may multiply by a probability
// (specification: trace/tracestate-probability-sampling.md).
TEST_IN_PROCESS(ChosenStartTest, SaysNoProbabilityWhereTheWordDecided) {
    setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio", 1);
    setenv("OTEL_TRACES_SAMPLER_ARG", "1", 1);
    Tracing tracing;
    spr_span root, child;
    EXPECT_EQ(start(tracing, {nullptr, SPR_SAMPLING_RECORD}, root), 1);
    spr_span_end(&root);
    EXPECT_EQ(tracing.read().spans().at(0).span.trace_state(), "");
    EXPECT_EQ(start(tracing, {}, root), 1);
    EXPECT_EQ(start(tracing, {nullptr, SPR_SAMPLING_RECORD, &root.context}, child), 1);
    spr_span_end(&child);
    EXPECT_EQ(tracing.read().spans().at(1).span.trace_state(), "ot=th:0") << "its parent was recorded by it";
    spr_span_end(&root);
}

TEST_IN_PROCESS(ChosenStartTest, RecordsTheTraceStateThatIsAttached) {
    Tracing tracing;
    test::Headers received(
        {{"traceparent", "00-0102030405060708090a0b0c0d0e0f10-0102030405060708-01"}, {"tracestate", "v=1"}});
    test::Carried request;
    ASSERT_EQ(spr_extract(&received.carrier, &request.raw), 1);
    spr_token token;
    ASSERT_EQ(spr_context_attach_with(&request.raw, &token), 0);
    const spr_context own = test::make_context(0, 0xbb, 0);
    spr_span span;
    ASSERT_EQ(start(tracing, {&own}, span), 1);
    spr_span_end(&span);
    spr_context_detach(&token);
    EXPECT_EQ(tracing.read().named("span").trace_state(), "v=1");
}

TEST_IN_PROCESS(ChosenStartTest, IsKnownToACallerOfTheFirstReleaseAsOneThatIsNot) {
    Tracing tracing;
    spr_start_options options = SPR_START_OPTIONS_INIT;
    options.struct_size = offsetof(spr_start_options, context);
    const spr_context own = test::make_context(0xaa, 0xbb, 0);
    options.context = &own;  // behind the struct's end
    options.sampling = SPR_SAMPLING_DROP;
    spr_span span;
    EXPECT_EQ(spr_span_start_with(tracing.tracer(), "span", SPR_NUL, &options, &span), 1);
    EXPECT_NE(test::span_id(span.context), test::span_id(own));
    spr_span_end(&span);
}

}  // namespace
}  // namespace spanring
