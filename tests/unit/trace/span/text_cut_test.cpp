// SPDX-License-Identifier: Apache-2.0
//
// Texts that do not fit into their span: cut between two characters, and counted, in place of being lost.
#include <cerrno>
#include <string>
#include <vector>

#include "support/ring_without_huge_places.hpp"
#include "support/tracing.hpp"
#include "trace/base/length_limit.hpp"

namespace spanring {
namespace {

using test::attribute;
using test::Tracing;

constexpr size_t kHuge = size_t{3} << 20;

std::string letters(size_t size) {
    std::string text(size, 0);
    for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 26);
    return text;
}

int set(const spr_span& span, const char* key, const std::string& text) {
    return spr_span_set_string(&span, key, SPR_NUL, text.data(), text.size());
}

// The text of an attribute as it arrived, without its type.
std::string text_of(const std::string& printed) { return printed.substr(printed.find(':') + 1); }

TEST(TextCutTest, IsBetweenTwoCharacters) {
    const std::string text = "a\u00e9\u20ac\U0001f600z";  // of 1, 2, 3, 4 and 1 bytes
    const size_t kept[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
    for (size_t most = 0; most < std::size(kept); ++most)
        EXPECT_EQ(trace::whole_characters(text.data(), text.size(), most), kept[most]) << most;
    const std::string bad = "\x80\x80\x80\x80\xff\xe2\x82";  // each is a character of its own once it is repaired
    for (size_t most = 0; most < bad.size(); ++most)
        EXPECT_EQ(trace::whole_characters(bad.data(), bad.size(), most), most) << most;
}

TEST_IN_PROCESS(TextCutTest, KeepsTheBeginningOfAnAttributeAndRoomForOthers) {
    Tracing tracing(test::ring_without_huge_places());
    const spr_span span = tracing.start("span");
    const std::string text = letters(kHuge);
    EXPECT_EQ(set(span, "first", "kept"), 0);
    EXPECT_EQ(set(span, "huge", text), 0);
    EXPECT_EQ(set(span, "after", letters(500)), 0);
    EXPECT_EQ(spr_span_set_status(&span, SPR_STATUS_ERROR, "why", SPR_NUL), 0);
    EXPECT_EQ(tracing.statistics().cut_texts, 1u);
    EXPECT_EQ(set(span, "huge again", text), 0);
    EXPECT_EQ(spr_span_set_int64(&span, "last", SPR_NUL, 1), 0) << "less is left each time, never nothing at once";
    EXPECT_EQ(spr_span_end(&span), 0);

    const auto segment = tracing.read();
    const auto& written = segment.named("span");
    EXPECT_EQ(written.attributes_size(), 5);
    const std::string huge = text_of(attribute(written, "huge"));
    EXPECT_GT(huge.size(), 59'000u);
    EXPECT_EQ(text.compare(0, huge.size(), huge), 0);
    EXPECT_EQ(attribute(written, "after"), "string:" + letters(500));
    EXPECT_GT(text_of(attribute(written, "huge again")).size(), 100u);
    EXPECT_EQ(attribute(written, "last"), "int:1");
    EXPECT_EQ(written.status().message(), "why");
    EXPECT_EQ(written.dropped_attributes_count(), 0u);
    EXPECT_EQ(tracing.statistics().cut_texts, 2u);
    EXPECT_EQ(tracing.statistics().refused_data, 0u);
}

TEST_IN_PROCESS(TextCutTest, KeepsCharactersWhole) {
    Tracing tracing(test::ring_without_huge_places());
    std::string text;
    while (text.size() < 100'000) text += "\U0001f600";
    for (size_t shift = 0; shift < 4; ++shift) {
        const std::string name = "span" + std::to_string(shift);
        const spr_span span = tracing.start(name.c_str());
        EXPECT_EQ(set(span, "shift", std::string(shift, 'x')), 0);
        EXPECT_EQ(set(span, "text", text), 0);
        EXPECT_EQ(spr_span_end(&span), 0);
        const std::string kept = text_of(attribute(tracing.read().named(name), "text"));
        EXPECT_EQ(kept.size() % 4, 0u);
        EXPECT_EQ(text.compare(0, kept.size(), kept), 0);
    }
}

TEST_IN_PROCESS(TextCutTest, CutsWhatIsInAListToo) {
    Tracing tracing(test::ring_without_huge_places());
    const spr_span span = tracing.start("span");
    const std::string text = letters(70'000);
    spr_value values[3] = {{SPR_TYPE_STRING, 0, {}}, {SPR_TYPE_BYTES, 0, {}}, {SPR_TYPE_STRING, 0, {}}};
    values[0].value.string = {text.data(), text.size()};
    values[1].value.bytes = {text.data(), text.size()};
    values[2].value.string = {"short", SPR_NUL};
    spr_attribute list = {"list", SPR_NUL, SPR_TYPE_ARRAY, 0, {}};
    list.value.array = {values, 3};
    EXPECT_EQ(spr_span_set_attributes(&span, &list, 1), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const std::string written = attribute(tracing.read().named("span"), "list");
    EXPECT_GT(written.size(), 60'000u);
    EXPECT_NE(written.find("string:short"), written.npos) << "the longest ones are cut";
    EXPECT_EQ(tracing.statistics().cut_texts, 1u) << "one attribute";
}

TEST_IN_PROCESS(TextCutTest, KeepsAnEventWhoseTextsAreTooLong) {
    Tracing tracing(test::ring_without_huge_places());
    const spr_span span = tracing.start("span");
    const std::string trace = letters(kHuge);
    spr_exception exception = SPR_EXCEPTION_INIT;
    exception.type = "Error";
    exception.message = "it broke";
    exception.stacktrace = trace.data();
    exception.stacktrace_size = trace.size();
    EXPECT_EQ(spr_span_record_exception(&span, &exception), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    ASSERT_EQ(segment.named("span").events_size(), 1);
    const auto& event = segment.named("span").events(0);
    EXPECT_EQ(event.name(), "exception");
    EXPECT_EQ(attribute(event, "exception.type"), "string:Error");
    EXPECT_EQ(attribute(event, "exception.message"), "string:it broke");
    EXPECT_GT(text_of(attribute(event, "exception.stacktrace")).size(), 59'000u);
    EXPECT_EQ(tracing.statistics().cut_texts, 1u);
}

TEST_IN_PROCESS(TextCutTest, KeepsNamesOfSpansAndEventsAndMessages) {
    Tracing tracing(test::ring_without_huge_places());
    const std::string text = letters(kHuge);
    spr_span span;
    ASSERT_EQ(spr_span_start(tracing.tracer(), text.data(), text.size(), &span), 1);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(tracing.statistics().cut_texts, 1u);
    {
        const auto segment = tracing.read();
        const std::string& name = segment.spans().at(0).span.name();
        EXPECT_GT(name.size(), 59'000u);
        EXPECT_EQ(text.compare(0, name.size(), name), 0);
    }

    span = tracing.start("first");
    EXPECT_EQ(spr_span_set_name(&span, text.data(), text.size()), 0);
    const spr_event event = {text.data(), text.size(), 0, nullptr, 0, 0, 0};
    EXPECT_EQ(spr_span_add_event(&span, &event), 0);
    EXPECT_EQ(spr_span_set_status(&span, SPR_STATUS_ERROR, text.data(), text.size()), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    ASSERT_EQ(segment.spans().size(), 2u);
    const bool last = segment.spans()[1].span.span_id() == test::span_id(span.context);
    const auto& written = segment.spans()[last ? 1 : 0].span;
    EXPECT_GT(written.name().size(), 59'000u);
    ASSERT_EQ(written.events_size(), 1);
    EXPECT_GT(written.events(0).name().size(), 100u);
    EXPECT_EQ(written.status().code(), otlp::Status::ERROR);
    EXPECT_GT(written.status().message().size(), 10u);
    EXPECT_EQ(tracing.statistics().cut_texts, 4u);
}

TEST_IN_PROCESS(TextCutTest, ALengthThatNoTextHasIsRefused) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    constexpr size_t kNone = size_t{PTRDIFF_MAX} + 1;
    EXPECT_EQ(spr_span_set_string(&span, "key", SPR_NUL, "text", kNone), -EINVAL);
    EXPECT_EQ(spr_span_set_name(&span, "name", kNone), -EINVAL);
    EXPECT_EQ(spr_span_set_status(&span, SPR_STATUS_ERROR, "message", kNone), -EINVAL);
    EXPECT_EQ(spr_span_end(&span), 0);
    EXPECT_EQ(tracing.read().named("span").attributes_size(), 0);
    EXPECT_EQ(tracing.statistics().cut_texts, 0u);
}

}  // namespace
}  // namespace spanring
