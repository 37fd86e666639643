// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstring>
#include <string>
#include <thread>

#include "support/carried.hpp"
#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::Tracing;

spr_context context_of(uint8_t mark) {
    spr_context context = {};
    context.trace_id[0] = context.span_id[0] = mark;
    context.trace_flags = SPR_TRACE_FLAG_SAMPLED;
    return context;
}

// The mark of what is attached; 0: nothing.
int current() {
    spr_context context;
    memset(&context, 0x77, sizeof context);
    const int found = spr_context_current(&context);
    EXPECT_EQ(found, context.trace_id[0] != 0 ? 1 : 0);
    return context.trace_id[0];
}

// Specification: trace/api.md, Retrieving the TraceId and SpanId.
TEST(ContextTest, IsWrittenInHex) {
    const std::string header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    spr_context context;
    ASSERT_EQ(spr_traceparent_extract(header.data(), header.size(), &context), 0);
    char trace[SPR_TRACE_ID_HEX_SIZE], span[SPR_SPAN_ID_HEX_SIZE];
    EXPECT_EQ(spr_trace_id_hex(&context, trace), 0);
    EXPECT_EQ(spr_span_id_hex(&context, span), 0);
    EXPECT_STREQ(trace, "0af7651916cd43dd8448eb211c80319c");
    EXPECT_STREQ(span, "b7ad6b7169203331");
    context = {};
    EXPECT_EQ(spr_trace_id_hex(&context, trace), 0);
    EXPECT_EQ(spr_span_id_hex(&context, span), 0);
    EXPECT_STREQ(trace, std::string(32, '0').c_str());
    EXPECT_STREQ(span, std::string(16, '0').c_str());
    EXPECT_EQ(spr_trace_id_hex(nullptr, trace), -EINVAL);
    EXPECT_EQ(spr_trace_id_hex(&context, nullptr), -EINVAL);
    EXPECT_EQ(spr_span_id_hex(nullptr, span), -EINVAL);
    EXPECT_EQ(spr_span_id_hex(&context, nullptr), -EINVAL);
}

TEST(ContextTest, IsNothingAtFirst) {
    spr_context context;
    memset(&context, 0x77, sizeof context);
    EXPECT_EQ(spr_context_current(&context), 0);
    const spr_context none = {};
    EXPECT_EQ(memcmp(&context, &none, sizeof context), 0);
}

TEST(ContextTest, IsWhatWasAttachedLast) {
    const spr_context one = context_of(1), two = context_of(2);
    spr_token outer, inner;
    EXPECT_EQ(spr_context_attach(&one, &outer), 0);
    EXPECT_EQ(current(), 1);
    EXPECT_EQ(spr_context_attach(&two, &inner), 0);
    EXPECT_EQ(current(), 2);
    EXPECT_EQ(spr_context_detach(&inner), 0);
    EXPECT_EQ(current(), 1);
    EXPECT_EQ(spr_context_detach(&outer), 0);
    EXPECT_EQ(current(), 0);
}

TEST(ContextTest, IsCopiedWhenItIsAttached) {
    spr_context one = context_of(1);
    spr_token token;
    spr_context_attach(&one, &token);
    one = context_of(9);
    EXPECT_EQ(current(), 1);
    spr_context_detach(&token);
}

TEST(ContextTest, DetachedOutOfOrderTakesWhatCameLaterWithItAndSaysSo) {
    const spr_context one = context_of(1), two = context_of(2), three = context_of(3);
    spr_token a, b, c;
    spr_context_attach(&one, &a);
    spr_context_attach(&two, &b);
    spr_context_attach(&three, &c);
    EXPECT_EQ(spr_context_detach(&b), 1);
    EXPECT_EQ(current(), 1);
    EXPECT_EQ(spr_context_detach(&c), -EINVAL) << "it went with b";
    EXPECT_EQ(current(), 1);
    EXPECT_EQ(spr_context_detach(&a), 0);
}

TEST(ContextTest, IsDetachedOnce) {
    const spr_context one = context_of(1);
    spr_token token;
    spr_context_attach(&one, &token);
    EXPECT_EQ(spr_context_detach(&token), 0);
    EXPECT_EQ(spr_context_detach(&token), -EINVAL);
    EXPECT_EQ(current(), 0);
}

TEST(ContextTest, BelongsToItsThread) {
    const spr_context one = context_of(1);
    spr_token token;
    spr_context_attach(&one, &token);
    std::thread([&] {
        EXPECT_EQ(current(), 0);
        EXPECT_EQ(spr_context_detach(&token), -EINVAL) << "not attached to this thread";
    }).join();
    EXPECT_EQ(current(), 1);
    spr_context_detach(&token);
}

// What is attached: the mark of the context, its trace state, the baggage.
std::string everything() {
    spr_propagated all = SPR_PROPAGATED_INIT;
    const int found = spr_context_current_with(&all);
    EXPECT_EQ(found, spr_context_current(&all.context));
    EXPECT_EQ(all.trace_state.capacity + all.baggage.capacity, 0u) << "read only";
    return std::to_string(all.context.trace_id[0]) + " " + test::str(all.trace_state) + " " + test::str(all.baggage) +
           (all.flags != 0 ? " debug" : "");
}

// The texts lie in the test's memory, as those of a caller do.
spr_propagated propagated_of(uint8_t mark, char* trace_state, char* baggage) {
    spr_propagated propagated = SPR_PROPAGATED_INIT;
    propagated.context = context_of(mark);
    propagated.trace_state = {trace_state, strlen(trace_state), 0};
    propagated.baggage = {baggage, strlen(baggage), 0};
    return propagated;
}

char kState[] = "a=1", kBaggage[] = "k=v", kOtherState[] = "b=2", kNone[] = "";

TEST(ContextTest, CarriesTraceStateAndBaggage) {
    spr_propagated one = propagated_of(1, kState, kBaggage);
    one.flags = SPR_PROPAGATED_DEBUG;
    EXPECT_EQ(everything(), "0  ");
    spr_token token;
    EXPECT_EQ(spr_context_attach_with(&one, &token), 0);
    EXPECT_EQ(current(), 1);
    EXPECT_EQ(everything(), "1 a=1 k=v debug");
    EXPECT_EQ(spr_context_detach(&token), 0);
    EXPECT_EQ(everything(), "0  ");
}

TEST(ContextTest, AttachedInsideKeepsTheBaggageAndTheTraceStateOfItsTrace) {
    const spr_propagated outer = propagated_of(1, kState, kBaggage);
    spr_context child = outer.context;
    child.span_id[7] = 9;
    const spr_context other = context_of(2);
    spr_token a, b, c, d;
    spr_context_attach_with(&outer, &a);
    spr_context_attach(&child, &b);
    EXPECT_EQ(everything(), "1 a=1 k=v");
    spr_context_attach(&other, &c);
    EXPECT_EQ(everything(), "2  k=v") << "another trace";
    spr_context_attach(&child, &d);
    EXPECT_EQ(everything(), "1 a=1 k=v") << "and back";
    EXPECT_EQ(spr_context_detach(&c), 1);
    EXPECT_EQ(everything(), "1 a=1 k=v");
    EXPECT_EQ(spr_context_detach(&a), 1);
    EXPECT_EQ(everything(), "0  ");
}

TEST(ContextTest, AttachedWithItsOwnHasNothingElse) {
    const spr_propagated outer = propagated_of(1, kState, kBaggage), inner = propagated_of(1, kOtherState, kNone);
    spr_token a, b;
    spr_context_attach_with(&outer, &a);
    spr_context_attach_with(&inner, &b);
    EXPECT_EQ(everything(), "1 b=2 ");
    EXPECT_EQ(spr_context_detach(&b), 0);
    EXPECT_EQ(everything(), "1 a=1 k=v");
    spr_context_detach(&a);
}

TEST(ContextTest, MayCarryBaggageAlone) {
    spr_propagated baggage = SPR_PROPAGATED_INIT;
    baggage.baggage = {kBaggage, 3, 0};
    spr_token token;
    EXPECT_EQ(spr_context_attach_with(&baggage, &token), 0);
    spr_propagated all = SPR_PROPAGATED_INIT;
    EXPECT_EQ(spr_context_current_with(&all), 0);
    EXPECT_EQ(test::str(all.baggage), "k=v");
    spr_context_detach(&token);
}

TEST(ContextTest, OfSeveralThreadsMayCarryTheSame) {
    const spr_propagated one = propagated_of(1, kState, kBaggage);
    const auto body = [&] {
        spr_token token;
        EXPECT_EQ(everything(), "0  ");
        EXPECT_EQ(spr_context_attach_with(&one, &token), 0);
        EXPECT_EQ(everything(), "1 a=1 k=v");
        EXPECT_EQ(spr_context_detach(&token), 0);
    };
    std::thread first(body), second(body);
    first.join();
    second.join();
}

// Wherever in the stack, and from whichever thread: what is not there is refused, and nothing else changes.
TEST(ContextTest, DetachedOnAnotherThreadIsRefusedAtEveryDepth) {
    const spr_propagated one = propagated_of(1, kState, kBaggage);
    const spr_context two = context_of(2);
    spr_token a, b;
    spr_context_attach_with(&one, &a);
    spr_context_attach(&two, &b);
    std::thread([&] {
        const spr_context three = context_of(3);
        spr_token own;
        spr_context_attach(&three, &own);
        for (spr_token* token : {&a, &b}) EXPECT_EQ(spr_context_detach(token), -EINVAL);
        EXPECT_EQ(everything(), "3  ");
        EXPECT_EQ(spr_context_detach(&own), 0);
    }).join();
    EXPECT_EQ(everything(), "2  k=v");
    EXPECT_EQ(spr_context_detach(&a), 1) << "out of order: b goes with it";
    EXPECT_EQ(spr_context_detach(&b), -EINVAL);
    EXPECT_EQ(everything(), "0  ");
}

TEST(ContextTest, TakesNullForAMistake) {
    const spr_context one = context_of(1);
    spr_token token;
    EXPECT_EQ(spr_context_current(nullptr), -EINVAL);
    EXPECT_EQ(spr_context_attach(nullptr, &token), -EINVAL);
    EXPECT_EQ(spr_context_attach(&one, nullptr), -EINVAL);
    EXPECT_EQ(spr_context_attach_with(nullptr, &token), -EINVAL);
    const spr_propagated nothing = SPR_PROPAGATED_INIT;
    EXPECT_EQ(spr_context_attach_with(&nothing, nullptr), -EINVAL);
    EXPECT_EQ(spr_context_current_with(nullptr), -EINVAL);
    EXPECT_EQ(spr_context_detach(nullptr), -EINVAL);
    EXPECT_EQ(current(), 0);
}

TEST_IN_PROCESS(ContextTest, IsTheParentOfWhatStartsUnderIt) {
    Tracing tracing;
    const spr_span parent = tracing.start("parent");
    spr_token token;
    spr_context_attach(&parent.context, &token);
    const spr_span child = tracing.start("child");
    spr_context_detach(&token);
    const spr_span other = tracing.start("other");
    for (const spr_span* span : {&child, &other, &parent}) EXPECT_EQ(spr_span_end(span), 0);

    const auto segment = tracing.read();
    EXPECT_EQ(segment.named("child").trace_id(), test::trace_id(parent.context));
    EXPECT_EQ(segment.named("child").parent_span_id(), test::span_id(parent.context));
    EXPECT_NE(segment.named("other").trace_id(), test::trace_id(parent.context));
    EXPECT_EQ(segment.named("other").parent_span_id(), "");
}

TEST_IN_PROCESS(ContextTest, ThatIsNoneStartsANewTrace) {
    Tracing tracing;
    const spr_context none = {};
    spr_token token;
    spr_context_attach(&none, &token);
    const spr_span span = tracing.start("span");
    spr_context_detach(&token);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(tracing.read().named("span").parent_span_id(), "");
    EXPECT_NE(tracing.read().named("span").trace_id(), std::string(16, '\0'));
}

}  // namespace
}  // namespace spanring
