// SPDX-License-Identifier: Apache-2.0
//
// What is set on a span through the C functions: name, kind, status, events and links, one by one or flat.
#include <cerrno>
#include <string>
#include <vector>

#include "support/ring_without_huge_places.hpp"
#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::attribute;
using test::Tracing;
using Status = otlp::Status;
using Kind = otlp::Span;

constexpr size_t kTooLong = size_t{PTRDIFF_MAX} + 1;  // no text is: refused before a byte of it is read

TEST_IN_PROCESS(SpanDataTest, HasTheNameThatWasSetLast) {
    Tracing tracing;
    const spr_span span = tracing.start("first");
    EXPECT_EQ(spr_span_set_name(&span, "second", SPR_NUL), 0);
    EXPECT_EQ(spr_span_set_name(&span, "third and not all", 5), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    EXPECT_TRUE(segment.has("third"));
}

TEST_IN_PROCESS(SpanDataTest, HasANameOfAnyLength) {
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

// The agent repairs it, in its copy, as it does with values (foreign_text_test.py).
TEST_IN_PROCESS(SpanDataTest, KeepsTextsThatAreNotUtf8AsTheyAre) {
    Tracing tracing;
    const spr_event event = {"event \xff", SPR_NUL, 0, nullptr, 0, 0, 0};
    spr_span span;
    ASSERT_EQ(spr_span_start(tracing.tracer(), "\xffname", SPR_NUL, &span), 1);
    EXPECT_EQ(spr_span_set_name(&span, "name \xff", SPR_NUL), 0);
    EXPECT_EQ(spr_span_set_status(&span, SPR_STATUS_ERROR, "message \xff", SPR_NUL), 0);
    EXPECT_EQ(spr_span_add_event(&span, &event), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const ring::Slot slot = tracing.view().slot(0);
    EXPECT_EQ(slot.status_code, SPR_STATUS_ERROR) << "a failure must not look like a success for a byte in its text";
    const char* bytes = reinterpret_cast<const char*>(test::chunk_bytes(tracing.view(), slot.intent_chunk));
    const std::string chunk(bytes, ring::ChunkWord::unpack(slot.intent_word).length);
    for (const char* text : {"name \xff", "message \xff", "event \xff"})
        EXPECT_NE(chunk.find(text), std::string::npos) << text;
    EXPECT_EQ(tracing.statistics().refused_data, 0u);
}

TEST_IN_PROCESS(SpanDataTest, HasTheKindThatWasSetLast) {
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

TEST_IN_PROCESS(SpanDataTest, KeepsOkForGoodAndIgnoresUnset) {
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
    EXPECT_EQ(spr_span_end(&span), 0);

    const auto segment = tracing.read();
    EXPECT_EQ(segment.named("ok").status().code(), Status::OK);
    EXPECT_EQ(segment.named("ok").status().message(), "");
    EXPECT_EQ(segment.named("error").status().code(), Status::ERROR);
    EXPECT_EQ(segment.named("error").status().message(), "second")
        << "written once: a message field that occurs twice merges";
}

TEST_IN_PROCESS(SpanDataTest, HasEventsInTheirOrder) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    const spr_attribute attributes[] = {test::text_attribute("a", "b"), test::text_attribute("", "no key"),
                                        test::int_attribute("n", 1)};
    const spr_event first = {"first", SPR_NUL, 1234567890, attributes, 3, 0, 0},
                    second = {"second", SPR_NUL, 0, nullptr, 0, 0, 0};
    const spr_event unnamed = {nullptr, 0, 0, nullptr, 0, 0, 0}, bad = {"bad", kTooLong, 0, nullptr, 0, 0, 0};
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

TEST_IN_PROCESS(SpanDataTest, HasLinks) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    const spr_attribute attributes[] = {test::text_attribute("why", "batch"), test::int_attribute("\xff", 1)};
    spr_link remote = {test::make_context(0x11, 0x22, SPR_TRACE_FLAG_SAMPLED, true), attributes, 2, nullptr, 0, 0, 0};
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

// Specification: trace/api.md, Link.
TEST_IN_PROCESS(SpanDataTest, HasLinksToAnEmptyContextThatSaySomethingElse) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    const spr_attribute attributes[] = {test::text_attribute("why", "batch")};
    spr_link with_attribute = {};
    with_attribute.attributes = attributes;
    with_attribute.attribute_count = 1;
    spr_link with_state = {};
    with_state.trace_state = "v=1";
    with_state.trace_state_size = SPR_NUL;
    spr_link of_one_id = with_state;
    of_one_id.context.trace_id[0] = 1;
    spr_link without_list = {};
    without_list.attribute_count = 1;
    for (const spr_link* link : {&with_attribute, &with_state, &of_one_id})
        EXPECT_EQ(spr_span_add_link(&span, link), 0);
    EXPECT_EQ(spr_span_add_link(&span, &without_list), -EINVAL);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    const auto& written = segment.named("span");
    ASSERT_EQ(written.links_size(), 3);
    EXPECT_EQ(written.links(0).trace_id(), std::string(16, '\0'));
    EXPECT_EQ(written.links(0).span_id(), std::string(8, '\0'));
    EXPECT_EQ(attribute(written.links(0), "why"), "string:batch");
    EXPECT_EQ(written.links(1).trace_state(), "v=1");
    EXPECT_EQ(written.links(2).trace_id(), '\1' + std::string(15, '\0'));
    EXPECT_EQ(written.dropped_links_count(), 1u);
}

TEST_IN_PROCESS(SpanDataTest, HasNoMoreEventsAndLinksThanItsLimits) {
    setenv("OTEL_SPAN_EVENT_COUNT_LIMIT", "5", 1);
    Tracing tracing;
    const spr_span span = tracing.start("span");
    const spr_event event = {"event", SPR_NUL, 0, nullptr, 0, 0, 0};
    const spr_link link = {test::make_context(0x11, 0x22, 1, true), nullptr, 0, nullptr, 0, 0, 0};
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

TEST_IN_PROCESS(SpanDataTest, KeepsAnEventWithMoreAttributesThanTheLimitAndCountsThem) {
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

TEST_IN_PROCESS(SpanDataTest, CountsAnEventThatDoesNotFit) {
    Tracing tracing(test::ring_without_huge_places());
    const spr_span span = tracing.start("span");
    const std::vector<spr_value> numbers(20000, {SPR_TYPE_INT64, 0, {}});  // nothing that could be cut
    spr_attribute attribute = {"big", SPR_NUL, SPR_TYPE_ARRAY, 0, {}};
    attribute.value.array = {numbers.data(), 14000};
    const spr_event event = {"event", SPR_NUL, 0, &attribute, 1, 0, 0};
    EXPECT_EQ(spr_span_add_event(&span, &event), 0);
    EXPECT_EQ(spr_span_add_event(&span, &event), -ENOBUFS);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(tracing.read().named("span").events_size(), 1);
    EXPECT_EQ(tracing.read().named("span").dropped_events_count(), 1u);
}

TEST_IN_PROCESS(SpanDataTest, StartsAndEndsFlat) {
    Tracing tracing;
    const spr_context parent = test::make_context(0x11, 0x22, SPR_TRACE_FLAG_SAMPLED, true);
    const spr_attribute at_start[] = {test::text_attribute("start", "1"), test::text_attribute("both", "start"),
                                      test::int_attribute("", 0)};
    const spr_attribute at_end[] = {test::int_attribute("end", 2), test::text_attribute("both", "end")};
    const spr_link links[] = {{test::make_context(0x11, 0x22, 0, true), nullptr, 0, nullptr, 0, 0, 0},
                              {{}, nullptr, 0, nullptr, 0, 0, 0}};
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

TEST_IN_PROCESS(SpanDataTest, KeepsItsStatusWhenTheMessageIsRefused) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    spr_end_options end = SPR_END_OPTIONS_INIT;
    end.status = SPR_STATUS_ERROR;
    end.status_message = "message";
    end.status_message_size = kTooLong;
    ASSERT_EQ(spr_span_end_with(&span, &end), 0);
    const ring::Slot slot = tracing.view().slot(0);  // as the end left it
    EXPECT_EQ(slot.status_code, SPR_STATUS_ERROR) << "a failure must not look like a success for its text";
}

}  // namespace
}  // namespace spanring
