// SPDX-License-Identifier: Apache-2.0
//
// Spans that were measured elsewhere, and exceptions: what is said in one call.
#include <cerrno>
#include <cstdlib>
#include <string>

#include "support/tracing.hpp"

namespace spanring {
namespace {

using otlp::Status;
using test::attribute;
using test::int_attribute;
using test::make_context;
using test::text_attribute;
using test::Tracing;

TEST_IN_PROCESS(WholeSpanTest, SaysEverythingInOneCall) {
    Tracing tracing;
    const spr_context own = make_context(0x11, 0x22, SPR_TRACE_FLAG_SAMPLED),
                      parent = make_context(0x11, 0x33, 0, true);
    const spr_attribute attributes[] = {text_attribute("a", "first"), text_attribute("a", "last"),
                                        int_attribute("", 1)};
    const spr_event events[] = {{"early", SPR_NUL, 1100, attributes, 3, 5, 0},
                                {"long", size_t{PTRDIFF_MAX} + 1, 0, nullptr, 0, 0, 0}};
    const spr_link links[] = {{make_context(0x44, 0x55, 3, true), attributes, 1, "vendor=1", SPR_NUL, 7, 0}};
    spr_whole_span whole = SPR_WHOLE_SPAN_INIT;
    whole.kind = SPR_KIND_CONSUMER;
    whole.status = SPR_STATUS_ERROR;
    whole.context = &own;
    whole.parent = &parent;
    whole.name = "measured elsewhere";
    whole.name_size = SPR_NUL;
    whole.start_time_ns = 1000;
    whole.end_time_ns = 2000;
    whole.status_message = "refused";
    whole.status_message_size = SPR_NUL;
    whole.trace_state = "a=1,b=2";
    whole.trace_state_size = SPR_NUL;
    whole.attributes = attributes;
    whole.attribute_count = 3;
    whole.events = events;
    whole.event_count = 2;
    whole.links = links;
    whole.link_count = 1;
    whole.dropped_attributes = 10;
    whole.dropped_events = 20;
    whole.dropped_links = 30;
    spr_context made;
    ASSERT_EQ(spr_span_record(tracing.tracer(), &whole, &made), 1);
    EXPECT_EQ(memcmp(&made, &own, sizeof own), 0);

    const auto segment = tracing.read();
    const auto& written = segment.named("measured elsewhere");
    EXPECT_EQ(written.trace_id(), std::string(16, '\x11'));
    EXPECT_EQ(written.span_id(), std::string(8, '\x22'));
    EXPECT_EQ(written.parent_span_id(), std::string(8, '\x33'));
    EXPECT_EQ(written.flags(), 0x301u);
    EXPECT_EQ(written.kind(), otlp::Span::CONSUMER);
    EXPECT_EQ(written.start_time_unix_nano(), 1000u);
    EXPECT_EQ(written.end_time_unix_nano(), 2000u);
    EXPECT_EQ(written.status().code(), Status::ERROR);
    EXPECT_EQ(written.status().message(), "refused");
    EXPECT_EQ(written.trace_state(), "a=1,b=2");
    EXPECT_EQ(written.attributes_size(), 1);
    EXPECT_EQ(attribute(written, "a"), "string:last");
    EXPECT_EQ(written.dropped_attributes_count(), 11u);
    ASSERT_EQ(written.events_size(), 1);
    EXPECT_EQ(written.events(0).time_unix_nano(), 1100u);
    EXPECT_EQ(attribute(written.events(0), "a"), "string:last");
    EXPECT_EQ(written.events(0).dropped_attributes_count(), 6u);
    EXPECT_EQ(written.dropped_events_count(), 21u);
    ASSERT_EQ(written.links_size(), 1);
    EXPECT_EQ(written.links(0).trace_state(), "vendor=1");
    EXPECT_EQ(written.links(0).flags(), 0x303u);
    EXPECT_EQ(written.links(0).dropped_attributes_count(), 7u);
    EXPECT_EQ(written.dropped_links_count(), 30u);
    test::expect_balance(tracing.statistics(), 0, 1);
}

TEST_IN_PROCESS(WholeSpanTest, NeedsNothing) {
    Tracing tracing;
    spr_whole_span whole = SPR_WHOLE_SPAN_INIT;
    spr_context made;
    EXPECT_EQ(spr_span_record(tracing.tracer(), &whole, &made), 1);
    EXPECT_EQ(spr_span_record(tracing.tracer(), &whole, nullptr), 1);
    const auto segment = tracing.read();
    ASSERT_EQ(segment.spans().size(), 2u);
    const auto& written = segment.spans()[0].span;
    EXPECT_EQ(written.trace_id(), test::trace_id(made));
    EXPECT_EQ(written.span_id(), test::span_id(made));
    EXPECT_EQ(written.parent_span_id(), "");
    EXPECT_EQ(written.kind(), otlp::Span::INTERNAL);
    EXPECT_GE(written.end_time_unix_nano(), written.start_time_unix_nano());
    EXPECT_FALSE(written.has_status());
    EXPECT_NE(segment.spans()[1].span.span_id(), written.span_id());
}

TEST_IN_PROCESS(WholeSpanTest, WithItsOwnContextIsRecordedAsItWasSampledElsewhere) {
    const spr_context sampled = make_context(1, 2, SPR_TRACE_FLAG_SAMPLED),
                      unsampled = make_context(1, 3, SPR_TRACE_FLAG_RANDOM);
    for (const char* sampler : {"always_off", "always_on"}) {
        setenv("OTEL_TRACES_SAMPLER", sampler, 1);
        Tracing tracing;
        spr_whole_span whole = SPR_WHOLE_SPAN_INIT;
        spr_context made;
        whole.context = &sampled;
        EXPECT_EQ(spr_span_record(tracing.tracer(), &whole, &made), 1);
        whole.context = &unsampled;
        EXPECT_EQ(spr_span_record(tracing.tracer(), &whole, &made), 0);
        EXPECT_EQ(memcmp(&made, &unsampled, sizeof made), 0);
        EXPECT_EQ(tracing.statistics().unsampled, 1u);
        EXPECT_EQ(tracing.read().spans().size(), 1u);
    }
}

TEST_IN_PROCESS(WholeSpanTest, WithoutOneGoesThroughTheSampler) {
    setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off", 1);
    Tracing tracing;
    spr_whole_span whole = SPR_WHOLE_SPAN_INIT;
    spr_context made;
    EXPECT_EQ(spr_span_record(tracing.tracer(), &whole, &made), 0) << "a root";
    EXPECT_EQ(made.trace_flags & SPR_TRACE_FLAG_SAMPLED, 0);
    const spr_context parent = make_context(1, 2, SPR_TRACE_FLAG_SAMPLED);
    whole.parent = &parent;
    EXPECT_EQ(spr_span_record(tracing.tracer(), &whole, &made), 1) << "below a sampled parent";
    EXPECT_EQ(test::trace_id(made), test::trace_id(parent));
    EXPECT_EQ(tracing.statistics().unsampled, 1u);
}

TEST_IN_PROCESS(WholeSpanTest, LeavesTheSpanThatTheThreadIsInAlone) {
    Tracing tracing;
    const spr_span span = tracing.start("around");
    spr_whole_span whole = SPR_WHOLE_SPAN_INIT;
    for (int i = 0; i < 100; ++i) ASSERT_EQ(spr_span_record(tracing.tracer(), &whole, nullptr), 1);
    EXPECT_EQ(spr_span_set_int64(&span, "after", SPR_NUL, 1), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(attribute(tracing.read().named("around"), "after"), "int:1");
    test::expect_balance(tracing.statistics(), 0, 101);
}

TEST_IN_PROCESS(WholeSpanTest, RefusesWhatIsNone) {
    Tracing tracing;
    spr_whole_span whole = SPR_WHOLE_SPAN_INIT;
    spr_context made = make_context(9, 9, 9);
    const spr_context untouched = made, none = {};
    const auto refused = [&](spr_whole_span changed) {
        EXPECT_EQ(spr_span_record(tracing.tracer(), &changed, &made), -EINVAL);
        EXPECT_EQ(memcmp(&made, &untouched, sizeof made), 0);
    };
    EXPECT_EQ(spr_span_record(nullptr, &whole, &made), -EINVAL);
    EXPECT_EQ(spr_span_record(tracing.tracer(), nullptr, &made), -EINVAL);
    spr_whole_span changed = whole;
    changed.kind = 6;
    refused(changed);
    changed = whole;
    changed.status = 3;
    refused(changed);
    changed = whole;
    changed.context = &none;
    refused(changed);
    changed = whole;
    changed.attribute_count = 1;
    refused(changed);
    changed = whole;
    changed.event_count = 1;
    refused(changed);
    changed = whole;
    changed.link_count = 1;
    refused(changed);
    changed = whole;
    changed.struct_size = 0;
    refused(changed);
    EXPECT_EQ(tracing.statistics().started, 0u);
}

// ---- Exceptions

TEST_IN_PROCESS(ExceptionTest, IsAnEventByTheConventions) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    const spr_attribute more[] = {int_attribute("retry", 2), text_attribute("exception.message", "said better")};
    spr_exception exception = SPR_EXCEPTION_INIT;
    exception.type = "std::runtime_error";
    exception.message = "said";
    exception.stacktrace = "at main";
    exception.time_ns = 77;
    EXPECT_EQ(spr_span_record_exception(&span, &exception), 0);
    exception.attributes = more;
    exception.attribute_count = 2;
    exception.stacktrace = nullptr;
    exception.time_ns = 0;
    EXPECT_EQ(spr_span_record_exception(&span, &exception), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    const auto& written = segment.named("span");
    ASSERT_EQ(written.events_size(), 2);
    EXPECT_EQ(written.events(0).name(), "exception");
    EXPECT_EQ(written.events(0).time_unix_nano(), 77u);
    EXPECT_EQ(attribute(written.events(0), "exception.type"), "string:std::runtime_error");
    EXPECT_EQ(attribute(written.events(0), "exception.message"), "string:said");
    EXPECT_EQ(attribute(written.events(0), "exception.stacktrace"), "string:at main");
    EXPECT_EQ(written.events(1).attributes_size(), 3);
    EXPECT_EQ(attribute(written.events(1), "exception.message"), "string:said better");
    EXPECT_EQ(attribute(written.events(1), "retry"), "int:2");
    EXPECT_GE(written.events(1).time_unix_nano(), written.start_time_unix_nano());
    EXPECT_FALSE(written.has_status()) << "an exception may have been handled";
}

TEST_IN_PROCESS(ExceptionTest, NeedsATypeOrAMessage) {
    Tracing tracing;
    const spr_span span = tracing.start("span"), none = {};
    spr_exception exception = SPR_EXCEPTION_INIT;
    EXPECT_EQ(spr_span_record_exception(&span, &exception), -EINVAL);
    EXPECT_EQ(spr_span_record_exception(&span, nullptr), -EINVAL);
    EXPECT_EQ(spr_span_record_exception(nullptr, &exception), -EINVAL);
    EXPECT_EQ(spr_span_record_exception(&none, &exception), 0) << "not recorded";
    exception.message = "";
    EXPECT_EQ(spr_span_record_exception(&span, &exception), 0);
    exception.attribute_count = 1;
    EXPECT_EQ(spr_span_record_exception(&span, &exception), -EINVAL);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(spr_span_record_exception(&span, &exception), -ESTALE);
    EXPECT_EQ(tracing.read().named("span").events_size(), 1);
}

// ---- Scopes

}  // namespace
}  // namespace spanring
