// SPDX-License-Identifier: Apache-2.0
//
// The span that is attached to a thread, and the trace state that it keeps.
#include <cerrno>
#include <string>

#include "support/carried.hpp"
#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::Headers;
using test::Tracing;

spr_span start_with_state(Tracing& tracing, const char* state, const spr_context* parent = nullptr,
                          uint32_t sampling = SPR_SAMPLING_ASK) {
    spr_start_options options = SPR_START_OPTIONS_INIT;
    options.parent_mode = parent != nullptr ? SPR_PARENT_EXPLICIT : SPR_PARENT_CURRENT;
    options.parent = parent;
    options.trace_state = state;
    options.trace_state_size = SPR_NUL;
    options.sampling = sampling;
    spr_span span;
    EXPECT_GE(spr_span_start_with(tracing.tracer(), "span", SPR_NUL, &options, &span), 0);
    return span;
}

std::string state_of(const spr_span& span) {
    char room[SPR_TRACESTATE_SIZE];
    spr_text text = {room, 0, sizeof room};
    const int found = spr_span_trace_state(&span, &text);
    EXPECT_EQ(found, text.size != 0 ? 1 : 0);
    return {room, text.size};
}

std::string injected(const spr_span& span) {
    Headers headers;
    EXPECT_EQ(spr_span_inject(&span, &headers.carrier), 0);
    return headers["tracestate"];
}

std::string injected(const spr_context* context) {
    Headers headers;
    EXPECT_EQ(spr_inject(context, &headers.carrier), 0);
    return headers["tracestate"];
}

TEST_IN_PROCESS(AttachedSpanTest, IsTheCurrentOneUntilItsDetach) {
    Tracing tracing;
    spr_span current;
    memset(&current, 0x77, sizeof current);
    EXPECT_EQ(spr_span_current(&current), 0);
    const spr_span none = {};
    EXPECT_EQ(memcmp(&current, &none, sizeof none), 0);
    const spr_span outer = tracing.start("outer"), inner = tracing.start("inner");
    spr_span_token outside, inside;
    EXPECT_EQ(spr_span_attach(&outer, &outside), 0);
    EXPECT_EQ(spr_span_attach(&inner, &inside), 0);
    EXPECT_EQ(spr_span_current(&current), 1);
    EXPECT_EQ(current.handle, inner.handle);
    EXPECT_EQ(spr_span_set_int64(&current, "key", SPR_NUL, 1), 0) << "as with the span itself";
    const spr_span child = tracing.start("child");
    EXPECT_EQ(test::trace_id(child.context), test::trace_id(inner.context));
    EXPECT_EQ(spr_context_detach(&inside.token), 0);
    EXPECT_EQ(spr_span_current(&current), 1);
    EXPECT_EQ(current.handle, outer.handle);
    EXPECT_EQ(spr_span_end(&outer), 0);
    EXPECT_EQ(spr_span_current(&current), 1) << "its end does not detach it";
    EXPECT_EQ(spr_span_set_int64(&current, "key", SPR_NUL, 1), -ESTALE);
    EXPECT_EQ(spr_context_detach(&outside.token), 0);
    EXPECT_EQ(spr_span_current(&current), 0);
    for (const spr_span* span : {&child, &inner}) EXPECT_EQ(spr_span_end(span), 0);
    EXPECT_EQ(spr_span_attach(nullptr, &inside), -EINVAL);
    EXPECT_EQ(spr_span_attach(&inner, nullptr), -EINVAL);
    EXPECT_EQ(spr_span_current(nullptr), -EINVAL);
}

TEST_IN_PROCESS(AttachedSpanTest, IsAContextAloneWhereOneWasAttached) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    const spr_context remote = test::make_context(1, 2, SPR_TRACE_FLAG_SAMPLED, true);
    spr_span_token outside;
    spr_token inside, again;
    EXPECT_EQ(spr_span_attach(&span, &outside), 0);
    EXPECT_EQ(spr_context_attach(&remote, &inside), 0);
    spr_span current;
    EXPECT_EQ(spr_span_current(&current), 0);
    EXPECT_EQ(current.handle, 0u);
    EXPECT_EQ(test::span_id(current.context), test::span_id(remote));
    EXPECT_EQ(spr_context_detach(&inside), 0);

    test::Carried other;  // the span's own context, with baggage
    EXPECT_EQ(spr_context_current_with(&other.raw), 1);
    EXPECT_EQ(spr_context_attach_with(&other.raw, &again), 0);
    EXPECT_EQ(spr_span_current(&current), 1) << "still the span's";
    EXPECT_EQ(current.handle, span.handle);
    EXPECT_EQ(spr_context_detach(&again), 0);
    EXPECT_EQ(spr_context_detach(&outside.token), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
}

TEST_IN_PROCESS(AttachedSpanTest, KeepsItsTraceStateAndSendsItOn) {
    Tracing tracing;
    const spr_span span = start_with_state(tracing, "a=1,b=2");
    EXPECT_EQ(state_of(span), "a=1,b=2");
    EXPECT_EQ(injected(span), "a=1,b=2") << "without being attached";
    EXPECT_EQ(injected(&span.context), "");

    spr_span_token token;
    EXPECT_EQ(spr_span_attach(&span, &token), 0);
    EXPECT_EQ(injected(&span.context), "a=1,b=2");
    EXPECT_EQ(injected(static_cast<const spr_context*>(nullptr)), "a=1,b=2");
    const spr_span child = tracing.start("child"), other = start_with_state(tracing, "c=3");
    EXPECT_EQ(state_of(child), "a=1,b=2") << "inherited";
    EXPECT_EQ(state_of(other), "c=3") << "its own";
    EXPECT_EQ(injected(other), "c=3");
    EXPECT_EQ(injected(&child.context), "a=1,b=2");
    const spr_context elsewhere = test::make_context(1, 2, SPR_TRACE_FLAG_SAMPLED);
    EXPECT_EQ(injected(&elsewhere), "") << "of another trace";
    spr_token inside;
    EXPECT_EQ(spr_context_attach(&child.context, &inside), 0);
    EXPECT_EQ(injected(&child.context), "a=1,b=2") << "further out";
    EXPECT_EQ(spr_context_detach(&inside), 0);
    EXPECT_EQ(spr_context_detach(&token.token), 0);

    for (const spr_span* one : {&child, &other, &span}) EXPECT_EQ(spr_span_end(one), 0);
    EXPECT_EQ(state_of(span), "") << "it is gone with its end";
    EXPECT_EQ(tracing.read().named("child").trace_state(), "a=1,b=2");
}

TEST_IN_PROCESS(AttachedSpanTest, GivesWayToATraceStateThatIsAttachedInsideOfIt) {
    Tracing tracing;
    const spr_span span = start_with_state(tracing, "a=1");
    spr_span_token token;
    EXPECT_EQ(spr_span_attach(&span, &token), 0);
    test::Carried changed;
    changed.raw.context = span.context;
    spr_token inside;
    EXPECT_EQ(spr_context_attach_with(&changed.raw, &inside), 0);
    EXPECT_EQ(injected(&span.context), "a=1") << "other baggage alone";
    EXPECT_EQ(spr_context_detach(&inside), 0);
    EXPECT_EQ(spr_tracestate_set(&changed.raw.trace_state, "z", SPR_NUL, "9", SPR_NUL), 0);
    EXPECT_EQ(spr_context_attach_with(&changed.raw, &inside), 0);
    EXPECT_EQ(injected(&span.context), "z=9");
    const spr_span child = tracing.start("child");
    EXPECT_EQ(state_of(child), "z=9");
    EXPECT_EQ(spr_context_detach(&inside), 0);
    EXPECT_EQ(spr_context_detach(&token.token), 0);
    for (const spr_span* one : {&child, &span}) EXPECT_EQ(spr_span_end(one), 0);
}

TEST_IN_PROCESS(AttachedSpanTest, ThatIsNotRecordedSendsWhatIsAttached) {
    Tracing tracing;
    Headers received(
        {{"traceparent", "00-0102030405060708090a0b0c0d0e0f10-0102030405060708-00"}, {"tracestate", "v=1"}});
    test::Carried request;
    EXPECT_EQ(spr_extract(&received.carrier, &request.raw), 1);
    spr_token token;
    EXPECT_EQ(spr_context_attach_with(&request.raw, &token), 0);
    const spr_span span = start_with_state(tracing, nullptr);
    EXPECT_EQ(span.handle, 0u);
    spr_span_token inside;
    EXPECT_EQ(spr_span_attach(&span, &inside), 0);
    EXPECT_EQ(injected(span), "v=1");
    EXPECT_EQ(injected(static_cast<const spr_context*>(nullptr)), "v=1");
    spr_span current;
    EXPECT_EQ(spr_span_current(&current), 1);
    EXPECT_EQ(test::span_id(current.context), test::span_id(span.context));
    EXPECT_EQ(spr_context_detach(&inside.token), 0);
    EXPECT_EQ(spr_context_detach(&token), 0);
}

TEST_IN_PROCESS(AttachedSpanTest, KeepsALongTraceStateUpToItsLastWholeMember) {
    Tracing tracing(test::large_ring());
    std::string state;
    for (int i = 0; i < 30; ++i)
        state += (i == 0 ? "" : ",") + std::string("key") + std::to_string(i) + "=" + std::string(40, 'v');
    const spr_span span = start_with_state(tracing, state.c_str());
    const std::string kept = state_of(span);
    EXPECT_LE(kept.size(), size_t{SPR_TRACESTATE_SIZE});
    EXPECT_GT(kept.size(), 400u);
    EXPECT_EQ(state.compare(0, kept.size() + 1, kept + ","), 0);
    char small[4];
    spr_text text = {small, 0, sizeof small};
    EXPECT_EQ(spr_span_trace_state(&span, &text), -ENOSPC);
    EXPECT_EQ(spr_span_trace_state(nullptr, &text), -EINVAL);
    EXPECT_EQ(spr_span_trace_state(&span, nullptr), -EINVAL);
    EXPECT_EQ(spr_span_end(&span), 0);
}

}  // namespace
}  // namespace spanring
