// SPDX-License-Identifier: Apache-2.0
//
// The life of a span through the C functions, and what lies in the ring at its end.
#include <cerrno>
#include <ctime>
#include <set>
#include <string>

#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::attribute;
using test::Tracing;
using Kind = otlp::Span;

uint64_t wall_clock() { return ring::Clock::read(CLOCK_REALTIME); }

TEST_IN_PROCESS(SpanTest, IsCommittedWhenItsEndReturnsAndNotBefore) {
    Tracing tracing;
    const uint64_t before = wall_clock();
    spr_span span;
    ASSERT_EQ(spr_span_start(tracing.tracer(), "work", SPR_NUL, &span), 1);
    EXPECT_EQ(spr_span_is_recording(&span), 1);
    EXPECT_TRUE(tracing.read().spans().empty());
    EXPECT_EQ(spr_span_end(&span), 0);
    const uint64_t after = wall_clock();
    EXPECT_EQ(spr_span_is_recording(&span), 0);

    const auto segment = tracing.read();
    ASSERT_EQ(segment.spans().size(), 1u);
    const auto& written = segment.named("work");
    EXPECT_EQ(written.trace_id(), test::trace_id(span.context));
    EXPECT_EQ(written.span_id(), test::span_id(span.context));
    EXPECT_EQ(written.parent_span_id(), "");
    EXPECT_EQ(written.kind(), Kind::INTERNAL);
    EXPECT_FALSE(written.has_status());
    EXPECT_EQ(written.flags(), 0x103u) << "sampled, random, and it is known that no parent is remote";
    EXPECT_GE(written.start_time_unix_nano() + 10'000, before);
    EXPECT_LE(written.start_time_unix_nano(), written.end_time_unix_nano());
    EXPECT_LE(written.end_time_unix_nano(), after + 10'000);
    EXPECT_EQ(written.dropped_attributes_count() + written.dropped_events_count() + written.dropped_links_count(), 0u);
}

TEST_IN_PROCESS(SpanTest, HasIdsOfItsOwn) {
    Tracing tracing;
    std::set<std::string> traces, spans;
    for (int i = 0; i < 300; ++i) {
        const spr_span span = tracing.start("span");
        EXPECT_TRUE(traces.insert(test::trace_id(span.context)).second);
        EXPECT_TRUE(spans.insert(test::span_id(span.context)).second);
        EXPECT_EQ(spr_span_end(&span), 0);
        tracing.agent().release_full();
    }
}

TEST_IN_PROCESS(SpanTest, MayBeCopiedAndEveryCopyNamesIt) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    const spr_span copy = span;
    EXPECT_EQ(spr_span_set_int64(&copy, "key", SPR_NUL, 1), 0);
    EXPECT_EQ(spr_span_end(&copy), 0);
    EXPECT_EQ(spr_span_end(&span), -ESTALE);
    EXPECT_EQ(tracing.read().spans().size(), 1u);
}

TEST_IN_PROCESS(SpanTest, EndsOnce) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(spr_span_end(&span), -ESTALE);
    EXPECT_EQ(spr_span_end_with(&span, nullptr), -ESTALE);
    test::expect_balance(tracing.statistics(), 0, 1);
    EXPECT_EQ(tracing.read().spans().size(), 1u);
}

TEST_IN_PROCESS(SpanTest, TakesNothingMoreAfterItsEnd) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    EXPECT_EQ(spr_span_end(&span), 0);
    const spr_event event = {"event", SPR_NUL, 0, nullptr, 0, 0, 0};
    spr_link link = {test::make_context(0x11, 0x22, 1, true), nullptr, 0, nullptr, 0, 0, 0};
    const spr_attribute attribute = test::int_attribute("key", 1);
    EXPECT_EQ(spr_span_set_string(&span, "key", SPR_NUL, "x", SPR_NUL), -ESTALE);
    EXPECT_EQ(spr_span_set_bool(&span, "key", SPR_NUL, 1), -ESTALE);
    EXPECT_EQ(spr_span_set_int64(&span, "key", SPR_NUL, 1), -ESTALE);
    EXPECT_EQ(spr_span_set_double(&span, "key", SPR_NUL, 1), -ESTALE);
    EXPECT_EQ(spr_span_set_attributes(&span, &attribute, 1), -ESTALE);
    EXPECT_EQ(spr_span_add_event(&span, &event), -ESTALE);
    EXPECT_EQ(spr_span_add_link(&span, &link), -ESTALE);
    EXPECT_EQ(spr_span_set_status(&span, SPR_STATUS_OK, nullptr, 0), -ESTALE);
    EXPECT_EQ(spr_span_set_name(&span, "other", SPR_NUL), -ESTALE);
    EXPECT_EQ(spr_span_set_kind(&span, SPR_KIND_SERVER), -ESTALE);

    const spr_span next = tracing.start("next");  // in the same slot
    EXPECT_EQ(spr_span_set_name(&span, "other", SPR_NUL), -ESTALE);
    EXPECT_EQ(spr_span_end(&span), -ESTALE);
    EXPECT_EQ(spr_span_end(&next), 0);
    const auto segment = tracing.read();
    EXPECT_EQ(segment.named("next").attributes_size(), 0);
    EXPECT_FALSE(segment.has("other"));
    EXPECT_EQ(tracing.statistics().refused_data, 0u) << "a spent handle is an error, not a loss";
}

TEST_IN_PROCESS(SpanTest, OfZeroesDoesNothing) {
    Tracing tracing;
    const spr_span span = {};
    const spr_event event = {"event", SPR_NUL, 0, nullptr, 0, 0, 0};
    const spr_link link = {test::make_context(0x11, 0x22, 1, true), nullptr, 0, nullptr, 0, 0, 0};
    EXPECT_EQ(spr_span_is_recording(&span), 0);
    EXPECT_EQ(spr_span_set_string(&span, "key", SPR_NUL, "x", SPR_NUL), 0);
    EXPECT_EQ(spr_span_add_event(&span, &event), 0);
    EXPECT_EQ(spr_span_add_link(&span, &link), 0);
    EXPECT_EQ(spr_span_set_status(&span, SPR_STATUS_ERROR, nullptr, 0), 0);
    EXPECT_EQ(spr_span_set_name(&span, "x", SPR_NUL), 0);
    EXPECT_EQ(spr_span_set_kind(&span, SPR_KIND_SERVER), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(spr_span_end_with(&span, nullptr), 0);
    EXPECT_TRUE(tracing.directory().files().empty()) << "and makes no segment";
}

TEST_IN_PROCESS(SpanTest, FollowsAnExplicitParent) {
    Tracing tracing;
    const spr_context remote = test::make_context(0x11, 0x22, SPR_TRACE_FLAG_SAMPLED, true);
    spr_context local = remote;
    local.is_remote = 0;
    for (const spr_context* parent : {&remote, static_cast<const spr_context*>(&local)}) {
        spr_start_options options = SPR_START_OPTIONS_INIT;
        options.parent_mode = SPR_PARENT_EXPLICIT;
        options.parent = parent;
        spr_span span;
        ASSERT_EQ(
            spr_span_start_with(tracing.tracer(), parent->is_remote ? "remote" : "local", SPR_NUL, &options, &span), 1);
        EXPECT_EQ(span.context.is_remote, 0);
        EXPECT_EQ(span.context.trace_flags, SPR_TRACE_FLAG_SAMPLED) << "its ids are not known to be random";
        EXPECT_EQ(spr_span_end(&span), 0);
    }
    const auto segment = tracing.read();
    for (const char* name : {"remote", "local"}) {
        EXPECT_EQ(segment.named(name).trace_id(), test::trace_id(remote));
        EXPECT_EQ(segment.named(name).parent_span_id(), test::span_id(remote));
        EXPECT_NE(segment.named(name).span_id(), test::span_id(remote));
    }
    EXPECT_EQ(segment.named("remote").flags(), 0x301u);
    EXPECT_EQ(segment.named("local").flags(), 0x101u);
}

TEST_IN_PROCESS(SpanTest, StartsATraceOfItsOwnWhereItIsTold) {
    Tracing tracing;
    const spr_span outer = tracing.start("outer");
    spr_token token;
    spr_context_attach(&outer.context, &token);
    spr_start_options options = SPR_START_OPTIONS_INIT;
    const spr_context none = {};
    spr_span span;
    options.parent_mode = SPR_PARENT_ROOT;
    ASSERT_EQ(spr_span_start_with(tracing.tracer(), "root", SPR_NUL, &options, &span), 1);
    spr_span_end(&span);
    options.parent_mode = SPR_PARENT_EXPLICIT;
    options.parent = &none;
    ASSERT_EQ(spr_span_start_with(tracing.tracer(), "none", SPR_NUL, &options, &span), 1);
    spr_span_end(&span);
    options.parent = nullptr;
    ASSERT_EQ(spr_span_start_with(tracing.tracer(), "null", SPR_NUL, &options, &span), 1);
    spr_span_end(&span);
    ASSERT_EQ(spr_span_start_with(tracing.tracer(), "current", SPR_NUL, nullptr, &span), 1);
    spr_span_end(&span);
    spr_context_detach(&token);
    spr_span_end(&outer);
    const auto segment = tracing.read();
    for (const char* name : {"root", "none", "null"}) {
        EXPECT_EQ(segment.named(name).parent_span_id(), "") << name;
        EXPECT_NE(segment.named(name).trace_id(), test::trace_id(outer.context)) << name;
    }
    EXPECT_EQ(segment.named("current").parent_span_id(), test::span_id(outer.context));
}

TEST_IN_PROCESS(SpanTest, ThatIsNotSampledCarriesAContextAndRecordsNothing) {
    setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off", 1);
    Tracing tracing;
    spr_span span;
    ASSERT_EQ(spr_span_start(tracing.tracer(), "root", SPR_NUL, &span), 0);
    EXPECT_EQ(span.handle, 0u);
    EXPECT_NE(test::trace_id(span.context), std::string(16, '\0'));
    EXPECT_NE(test::span_id(span.context), std::string(8, '\0'));
    EXPECT_EQ(span.context.trace_flags & SPR_TRACE_FLAG_SAMPLED, 0);
    EXPECT_EQ(spr_span_end(&span), 0);

    spr_start_options options = SPR_START_OPTIONS_INIT;
    options.parent_mode = SPR_PARENT_EXPLICIT;
    const spr_context sampled = test::make_context(0x11, 0x22, SPR_TRACE_FLAG_SAMPLED, true),
                      unsampled = test::make_context(0x11, 0x22, SPR_TRACE_FLAG_RANDOM, true);
    options.parent = &unsampled;
    ASSERT_EQ(spr_span_start_with(tracing.tracer(), "below", SPR_NUL, &options, &span), 0);
    EXPECT_EQ(test::trace_id(span.context), test::trace_id(unsampled));
    EXPECT_NE(test::span_id(span.context), test::span_id(unsampled)) << "a span id of its own even so";
    EXPECT_EQ(span.context.trace_flags, SPR_TRACE_FLAG_RANDOM);
    options.parent = &sampled;
    ASSERT_EQ(spr_span_start_with(tracing.tracer(), "recorded", SPR_NUL, &options, &span), 1);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(tracing.read().spans().size(), 1u);
    const spr_statistics statistics = tracing.statistics();
    EXPECT_EQ(statistics.unsampled, 2u);
    EXPECT_EQ(statistics.started, 1u);
}

TEST_IN_PROCESS(SpanTest, IsNotRecordedWhileTheAgentSaysSo) {
    Tracing tracing;
    EXPECT_EQ(tracing.make("before"), 0);
    tracing.agent().set_policy(ring::PolicyBits::kDisabled);
    EXPECT_EQ(spr_tracer_enabled(tracing.tracer()), 0);
    spr_span span;
    EXPECT_EQ(spr_span_start(tracing.tracer(), "while", SPR_NUL, &span), 0);
    EXPECT_EQ(span.context.trace_flags & SPR_TRACE_FLAG_SAMPLED, 0);
    tracing.agent().set_policy(0);
    EXPECT_EQ(spr_tracer_enabled(tracing.tracer()), 1);
    EXPECT_EQ(tracing.make("after"), 0);
    EXPECT_EQ(tracing.read().spans().size(), 2u);
}

TEST_IN_PROCESS(SpanTest, NeverEndsBeforeItsStart) {
    Tracing tracing;
    spr_span span = tracing.start("end in the past");
    spr_end_options end = SPR_END_OPTIONS_INIT;
    end.end_time_ns = 1;
    EXPECT_EQ(spr_span_end_with(&span, &end), 0);
    spr_start_options start = SPR_START_OPTIONS_INIT;
    start.start_time_ns = wall_clock() + 3'600'000'000'000;
    ASSERT_EQ(spr_span_start_with(tracing.tracer(), "start in the future", SPR_NUL, &start, &span), 1);
    EXPECT_EQ(spr_span_end(&span), 0);
    ASSERT_EQ(spr_span_start_with(tracing.tracer(), "both", SPR_NUL, &start, &span), 1);
    end.end_time_ns = wall_clock();
    EXPECT_EQ(spr_span_end_with(&span, &end), 0);
    ASSERT_EQ(spr_span_start_with(tracing.tracer(), "explicit end", SPR_NUL, &start, &span), 1);
    end.end_time_ns = start.start_time_ns + 7;
    EXPECT_EQ(spr_span_end_with(&span, &end), 0);
    const auto segment = tracing.read();
    for (const test::WrittenSpan& written : segment.spans())
        EXPECT_GE(written.span.end_time_unix_nano(), written.span.start_time_unix_nano()) << written.span.name();
    EXPECT_EQ(segment.named("start in the future").start_time_unix_nano(), start.start_time_ns);
    EXPECT_EQ(segment.named("explicit end").end_time_unix_nano(), start.start_time_ns + 7);
}

TEST_IN_PROCESS(SpanTest, ThatIsStillOpenLiesInItsSlot) {
    Tracing tracing;
    const spr_span span = tracing.start("open");
    EXPECT_EQ(spr_span_set_int64(&span, "key", SPR_NUL, 1), 0);
    const auto segment = tracing.read();
    ASSERT_EQ(segment.open_slots().size(), 1u);
    const ring::Slot& slot = segment.open_slots()[0];
    const ring::SlotWord word = ring::SlotWord::unpack(slot.word);
    EXPECT_EQ(word.state, ring::SlotState::kOpen);
    otlp::Span unfinished;
    EXPECT_TRUE(test::parse_strictly(slot.data, word.length, unfinished))
        << "what is committed of it is complete at any moment";
    EXPECT_EQ(unfinished.name(), "open");
    EXPECT_EQ(unfinished.span_id(), test::span_id(span.context));
    EXPECT_EQ(attribute(unfinished, "key"), "int:1");
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_TRUE(tracing.read().open_slots().empty());
}

}  // namespace
}  // namespace spanring
