// SPDX-License-Identifier: Apache-2.0
//
// The life of a span through the C functions, and what lies in the ring at its end.
#include <cerrno>
#include <cstring>
#include <ctime>
#include <set>
#include <string>

#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::attribute;
using test::Tracing;
using Status = otlp::Status;
using Kind = otlp::Span;

uint64_t wall_clock() { return ring::Clock::read(CLOCK_REALTIME); }

spr_context remote_parent(uint8_t flags) {
    spr_context context = {};
    memset(context.trace_id, 0x11, sizeof context.trace_id);
    memset(context.span_id, 0x22, sizeof context.span_id);
    context.trace_flags = flags;
    context.is_remote = 1;
    return context;
}

// ---- Start and end
// ----------------------------------------------------------------------------------------------------

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
    spr_link link = {remote_parent(1), nullptr, 0, nullptr, 0, 0, 0};
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
    const spr_link link = {remote_parent(1), nullptr, 0, nullptr, 0, 0, 0};
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

// ---- Parents
// ------------------------------------------------------------------------------------------------------------

TEST_IN_PROCESS(SpanTest, FollowsAnExplicitParent) {
    Tracing tracing;
    const spr_context remote = remote_parent(SPR_TRACE_FLAG_SAMPLED);
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
    const spr_context sampled = remote_parent(SPR_TRACE_FLAG_SAMPLED), unsampled = remote_parent(SPR_TRACE_FLAG_RANDOM);
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

// ---- Name, kind, status
// -------------------------------------------------------------------------------------------------

TEST_IN_PROCESS(SpanTest, HasTheNameThatWasSetLast) {
    Tracing tracing;
    const spr_span span = tracing.start("first");
    EXPECT_EQ(spr_span_set_name(&span, "second", SPR_NUL), 0);
    EXPECT_EQ(spr_span_set_name(&span, "third and not all", 5), 0);
    EXPECT_EQ(spr_span_set_name(&span, "\xff", SPR_NUL), -EINVAL);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    EXPECT_TRUE(segment.has("third"));
}

TEST_IN_PROCESS(SpanTest, HasANameOfAnyLength) {
    Tracing tracing;
    for (const size_t size : {0, 1, 127, 128, 200, 255, 256, 257, 300, 320, 4096, 20000}) {
        const std::string name(size, 'n');
        spr_span span;
        ASSERT_EQ(spr_span_start(tracing.tracer(), name.data(), name.size(), &span), 1);
        EXPECT_EQ(spr_span_set_int64(&span, "key", SPR_NUL, 1), 0);
        EXPECT_EQ(spr_span_end(&span), 0);
        EXPECT_TRUE(tracing.read().has(name)) << size;
        tracing.agent().release_full();
    }
}

TEST_IN_PROCESS(SpanTest, WithANameThatIsNoTextIsRecordedWithoutAndItIsCounted) {
    Tracing tracing;
    spr_span span;
    ASSERT_EQ(spr_span_start(tracing.tracer(), "\xffname", SPR_NUL, &span), 1);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_TRUE(tracing.read().has(""));
    EXPECT_EQ(tracing.statistics().refused_data, 1u) << "nothing is lost without a count";
}

TEST_IN_PROCESS(SpanTest, HasTheKindThatWasSetLast) {
    Tracing tracing;
    for (const int kind : {SPR_KIND_INTERNAL, SPR_KIND_SERVER, SPR_KIND_CLIENT, SPR_KIND_PRODUCER, SPR_KIND_CONSUMER}) {
        const spr_span span = tracing.start(("kind" + std::to_string(kind)).c_str());
        EXPECT_EQ(spr_span_set_kind(&span, SPR_KIND_CLIENT), 0);
        EXPECT_EQ(spr_span_set_kind(&span, kind), 0);
        EXPECT_EQ(spr_span_set_kind(&span, 0), -EINVAL);
        EXPECT_EQ(spr_span_set_kind(&span, 6), -EINVAL);
        EXPECT_EQ(spr_span_set_kind(&span, -1), -EINVAL);
        EXPECT_EQ(spr_span_end(&span), 0);
        EXPECT_EQ(tracing.read().named("kind" + std::to_string(kind)).kind(), kind);
    }
}

TEST_IN_PROCESS(SpanTest, KeepsOkForGoodAndIgnoresUnset) {
    Tracing tracing;
    spr_span span = tracing.start("ok");
    EXPECT_EQ(spr_span_set_status(&span, SPR_STATUS_UNSET, nullptr, 0), 1);
    EXPECT_EQ(spr_span_set_status(&span, SPR_STATUS_ERROR, "broken", SPR_NUL), 0);
    EXPECT_EQ(spr_span_set_status(&span, SPR_STATUS_UNSET, nullptr, 0), 1);
    EXPECT_EQ(spr_span_set_status(&span, SPR_STATUS_OK, "not kept", SPR_NUL), 0);
    EXPECT_EQ(spr_span_set_status(&span, SPR_STATUS_ERROR, "too late", SPR_NUL), 1);
    EXPECT_EQ(spr_span_set_status(&span, SPR_STATUS_OK, nullptr, 0), 1);
    EXPECT_EQ(spr_span_end(&span), 0);

    span = tracing.start("error");
    EXPECT_EQ(spr_span_set_status(&span, SPR_STATUS_ERROR, "first", SPR_NUL), 0);
    EXPECT_EQ(spr_span_set_status(&span, SPR_STATUS_ERROR, "second", SPR_NUL), 0);
    EXPECT_EQ(spr_span_set_status(&span, 3, nullptr, 0), -EINVAL);
    EXPECT_EQ(spr_span_set_status(&span, -1, nullptr, 0), -EINVAL);
    EXPECT_EQ(spr_span_set_status(&span, SPR_STATUS_ERROR, "\xff", SPR_NUL), -EINVAL);
    EXPECT_EQ(spr_span_end(&span), 0);

    const auto segment = tracing.read();
    EXPECT_EQ(segment.named("ok").status().code(), Status::OK);
    EXPECT_EQ(segment.named("ok").status().message(), "");
    EXPECT_EQ(segment.named("error").status().code(), Status::ERROR);
    EXPECT_EQ(segment.named("error").status().message(), "second")
        << "written once: a message field that occurs twice merges";
}

// ---- Events and links
// ---------------------------------------------------------------------------------------------------

TEST_IN_PROCESS(SpanTest, HasEventsInTheirOrder) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    const spr_attribute attributes[] = {test::text_attribute("a", "b"), test::text_attribute("", "no key"),
                                        test::int_attribute("n", 1)};
    const spr_event first = {"first", SPR_NUL, 1234567890, attributes, 3, 0, 0}, second = {"second", SPR_NUL, 0, nullptr, 0, 0, 0};
    const spr_event unnamed = {nullptr, 0, 0, nullptr, 0, 0, 0}, bad = {"\xff", SPR_NUL, 0, nullptr, 0, 0, 0};
    EXPECT_EQ(spr_span_add_event(&span, &first), 0);
    EXPECT_EQ(spr_span_add_event(&span, &second), 0);
    EXPECT_EQ(spr_span_add_event(&span, &unnamed), 0);
    EXPECT_EQ(spr_span_add_event(&span, &bad), -EINVAL);
    EXPECT_EQ(spr_span_add_event(&span, nullptr), -EINVAL);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    const auto& written = segment.named("span");
    ASSERT_EQ(written.events_size(), 3);
    EXPECT_EQ(written.events(0).name(), "first");
    EXPECT_EQ(written.events(0).time_unix_nano(), 1234567890u);
    EXPECT_EQ(attribute(written.events(0), "a"), "string:b");
    EXPECT_EQ(attribute(written.events(0), "n"), "int:1");
    EXPECT_EQ(written.events(0).dropped_attributes_count(), 1u);
    EXPECT_EQ(written.events(1).name(), "second");
    EXPECT_GE(written.events(1).time_unix_nano(), written.start_time_unix_nano());
    EXPECT_LE(written.events(1).time_unix_nano(), written.end_time_unix_nano());
    EXPECT_EQ(written.events(2).name(), "");
    EXPECT_EQ(written.dropped_events_count(), 1u);
}

TEST_IN_PROCESS(SpanTest, HasLinks) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    const spr_attribute attributes[] = {test::text_attribute("why", "batch"), test::int_attribute("\xff", 1)};
    spr_link remote = {remote_parent(SPR_TRACE_FLAG_SAMPLED), attributes, 2, nullptr, 0, 0, 0};
    spr_link local = remote;
    local.context.is_remote = 0;
    local.attribute_count = 0;
    spr_link none = {};
    EXPECT_EQ(spr_span_add_link(&span, &remote), 0);
    EXPECT_EQ(spr_span_add_link(&span, &local), 0);
    EXPECT_EQ(spr_span_add_link(&span, &none), -EINVAL);
    EXPECT_EQ(spr_span_add_link(&span, nullptr), -EINVAL);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    const auto& written = segment.named("span");
    ASSERT_EQ(written.links_size(), 2);
    EXPECT_EQ(written.links(0).trace_id(), std::string(16, '\x11'));
    EXPECT_EQ(written.links(0).span_id(), std::string(8, '\x22'));
    EXPECT_EQ(attribute(written.links(0), "why"), "string:batch");
    EXPECT_EQ(written.links(0).dropped_attributes_count(), 1u);
    EXPECT_EQ(written.links(0).flags(), 0x301u);
    EXPECT_EQ(written.links(1).flags(), 0x101u);
    EXPECT_EQ(written.dropped_links_count(), 1u);
}

TEST_IN_PROCESS(SpanTest, HasNoMoreEventsAndLinksThanItsLimits) {
    setenv("OTEL_SPAN_EVENT_COUNT_LIMIT", "5", 1);
    Tracing tracing;
    const spr_span span = tracing.start("span");
    const spr_event event = {"event", SPR_NUL, 0, nullptr, 0, 0, 0};
    const spr_link link = {remote_parent(1), nullptr, 0, nullptr, 0, 0, 0};
    for (int i = 0; i < 8; ++i) EXPECT_EQ(spr_span_add_event(&span, &event), i < 5 ? 0 : -EDQUOT);
    for (int i = 0; i < 130; ++i) EXPECT_EQ(spr_span_add_link(&span, &link), i < 128 ? 0 : -EDQUOT);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    EXPECT_EQ(segment.named("span").events_size(), 5);
    EXPECT_EQ(segment.named("span").dropped_events_count(), 3u);
    EXPECT_EQ(segment.named("span").links_size(), 128);
    EXPECT_EQ(segment.named("span").dropped_links_count(), 2u);
    EXPECT_EQ(tracing.statistics().refused_data, 5u);
}

TEST_IN_PROCESS(SpanTest, KeepsAnEventWithMoreAttributesThanTheLimitAndCountsThem) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    std::vector<std::string> keys;
    for (int i = 0; i < 140; ++i) keys.push_back("key" + std::to_string(i));
    std::vector<spr_attribute> attributes;
    for (const std::string& key : keys) attributes.push_back(test::int_attribute(key.c_str(), 1));
    const spr_event event = {"event", SPR_NUL, 0, attributes.data(), attributes.size(), 0, 0};
    EXPECT_EQ(spr_span_add_event(&span, &event), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    ASSERT_EQ(segment.named("span").events_size(), 1);
    EXPECT_EQ(segment.named("span").events(0).attributes_size(), 128);
    EXPECT_EQ(segment.named("span").events(0).dropped_attributes_count(), 12u);
}

TEST_IN_PROCESS(SpanTest, CountsAnEventThatDoesNotFit) {
    Tracing tracing(test::large_ring());
    const spr_span span = tracing.start("span");
    const std::string big(60000, 'x');
    const spr_attribute attribute = test::text_attribute("big", big.c_str());
    const spr_event event = {"event", SPR_NUL, 0, &attribute, 1, 0, 0};
    EXPECT_EQ(spr_span_add_event(&span, &event), 0);
    EXPECT_EQ(spr_span_add_event(&span, &event), -ENOBUFS);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(tracing.read().named("span").events_size(), 1);
    EXPECT_EQ(tracing.read().named("span").dropped_events_count(), 1u);
}

// ---- Everything in one call
// ---------------------------------------------------------------------------------------------

TEST_IN_PROCESS(SpanTest, StartsAndEndsFlat) {
    Tracing tracing;
    const spr_context parent = remote_parent(SPR_TRACE_FLAG_SAMPLED);
    const spr_attribute at_start[] = {test::text_attribute("start", "1"), test::text_attribute("both", "start"),
                                      test::int_attribute("", 0)};
    const spr_attribute at_end[] = {test::int_attribute("end", 2), test::text_attribute("both", "end")};
    const spr_link links[] = {{remote_parent(0), nullptr, 0, nullptr, 0, 0, 0}, {{}, nullptr, 0, nullptr, 0, 0, 0}};
    const spr_event events[] = {{"one", SPR_NUL, 1500, nullptr, 0, 0, 0}, {"two", SPR_NUL, 0, nullptr, 0, 0, 0}};
    spr_start_options start = SPR_START_OPTIONS_INIT;
    start.kind = SPR_KIND_CLIENT;
    start.parent_mode = SPR_PARENT_EXPLICIT;
    start.parent = &parent;
    start.start_time_ns = 1000;
    start.attributes = at_start;
    start.attribute_count = 3;
    start.links = links;
    start.link_count = 2;
    start.trace_state = "vendor=value";
    start.trace_state_size = SPR_NUL;
    spr_span span;
    ASSERT_EQ(spr_span_start_with(tracing.tracer(), "first name", SPR_NUL, &start, &span), 1);
    spr_end_options end = SPR_END_OPTIONS_INIT;
    end.status = SPR_STATUS_ERROR;
    end.status_message = "it broke";
    end.status_message_size = SPR_NUL;
    end.end_time_ns = 2000;
    end.name = "flat";
    end.name_size = SPR_NUL;
    end.attributes = at_end;
    end.attribute_count = 2;
    end.events = events;
    end.event_count = 2;
    ASSERT_EQ(spr_span_end_with(&span, &end), 0);

    const auto segment = tracing.read();
    const auto& written = segment.named("flat");
    EXPECT_EQ(written.kind(), Kind::CLIENT);
    EXPECT_EQ(written.parent_span_id(), test::span_id(parent));
    EXPECT_EQ(written.trace_state(), "vendor=value");
    EXPECT_EQ(written.start_time_unix_nano(), 1000u);
    EXPECT_EQ(written.end_time_unix_nano(), 2000u);
    EXPECT_EQ(attribute(written, "start"), "string:1");
    EXPECT_EQ(attribute(written, "both"), "string:end");
    EXPECT_EQ(attribute(written, "end"), "int:2");
    EXPECT_EQ(written.attributes_size(), 3);
    EXPECT_EQ(written.dropped_attributes_count(), 1u);
    EXPECT_EQ(written.links_size(), 1);
    EXPECT_EQ(written.dropped_links_count(), 1u);
    ASSERT_EQ(written.events_size(), 2);
    EXPECT_EQ(written.events(0).time_unix_nano(), 1500u);
    EXPECT_EQ(written.status().code(), Status::ERROR);
    EXPECT_EQ(written.status().message(), "it broke");
    EXPECT_EQ(tracing.statistics().refused_data, 2u);
}

TEST_IN_PROCESS(SpanTest, KeepsItsStatusWhenTheMessageIsNoText) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    spr_end_options end = SPR_END_OPTIONS_INIT;
    end.status = SPR_STATUS_ERROR;
    end.status_message = "\xff";
    end.status_message_size = SPR_NUL;
    ASSERT_EQ(spr_span_end_with(&span, &end), 0);
    const ring::Slot slot = tracing.view().slot(0);  // as the end left it
    EXPECT_EQ(slot.status_code, SPR_STATUS_ERROR) << "a failure must not look like a success for a byte in its text";
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

// ---- Tracers
// --------------------------------------------------------------------------------------------------------------

TEST_IN_PROCESS(SpanTest, BelongsToTheScopeOfItsTracer) {
    Tracing tracing;
    spr_tracer *versioned, *again, *other;
    ASSERT_EQ(spr_tracer_get(tracing.provider(), "lib", SPR_NUL, "1.2", SPR_NUL, "https://example.org/schema", SPR_NUL,
                             &versioned),
              0);
    ASSERT_EQ(spr_tracer_get(tracing.provider(), "lib", SPR_NUL, "1.2", SPR_NUL, "https://example.org/schema", SPR_NUL,
                             &again),
              0);
    ASSERT_EQ(spr_tracer_get(tracing.provider(), "lib", SPR_NUL, "1.3", SPR_NUL, nullptr, 0, &other), 0);
    EXPECT_EQ(versioned, again);
    EXPECT_NE(versioned, other);
    for (int round = 0; round < 3; ++round) {
        tracing.make("plain");
        for (const auto& [tracer, name] : {std::pair(versioned, "versioned"), std::pair(other, "other")}) {
            spr_span span;
            ASSERT_EQ(spr_span_start(tracer, name, SPR_NUL, &span), 1);
            EXPECT_EQ(spr_span_end(&span), 0);
        }
    }
    const auto segment = tracing.read();
    ASSERT_EQ(segment.spans().size(), 9u);
    for (const test::WrittenSpan& written : segment.spans()) {
        const auto& scope = segment.scope(written.scope);
        if (written.span.name() == "plain") {
            EXPECT_EQ(scope.scope().name(), "test");
            EXPECT_EQ(scope.scope().version(), "");
        } else {
            EXPECT_EQ(scope.scope().name(), "lib");
            EXPECT_EQ(scope.scope().version(), written.span.name() == "versioned" ? "1.2" : "1.3");
            EXPECT_EQ(scope.schema_url(), written.span.name() == "versioned" ? "https://example.org/schema" : "");
        }
    }
}

TEST_IN_PROCESS(SpanTest, HasOneOf127ScopesAndNoMore) {
    Tracing tracing;
    spr_tracer* tracer = nullptr;
    int made = 1;  // the one of `tracing`
    while (spr_tracer_get(tracing.provider(), ("scope" + std::to_string(made)).c_str(), SPR_NUL, nullptr, 0, nullptr, 0,
                          &tracer) == 0)
        ++made;
    EXPECT_EQ(made, 127);
    spr_tracer* untouched = tracer;
    EXPECT_EQ(spr_tracer_get(tracing.provider(), "one more", SPR_NUL, nullptr, 0, nullptr, 0, &untouched), -ENOSPC);
    EXPECT_EQ(untouched, tracer);
    EXPECT_EQ(spr_tracer_get(tracing.provider(), "scope5", SPR_NUL, nullptr, 0, nullptr, 0, &tracer), 0)
        << "one that is there";
    EXPECT_EQ(spr_tracer_get(tracing.provider(), "\xff", SPR_NUL, nullptr, 0, nullptr, 0, &tracer), -EINVAL);
    EXPECT_EQ(tracing.make("span"), 0);
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
