// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstring>
#include <thread>

#include "unit/trace/tracing.hpp"

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

TEST(ContextTest, TakesNullForAMistake) {
    const spr_context one = context_of(1);
    spr_token token;
    EXPECT_EQ(spr_context_current(nullptr), -EINVAL);
    EXPECT_EQ(spr_context_attach(nullptr, &token), -EINVAL);
    EXPECT_EQ(spr_context_attach(&one, nullptr), -EINVAL);
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
