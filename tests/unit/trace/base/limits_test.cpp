// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

#include "support/tracing.hpp"
#include "trace/base/limits.hpp"
#include "trace/base/utf8.hpp"

namespace spanring {
namespace {

using test::attribute;
using test::int_attribute;
using test::text_attribute;
using test::Tracing;

spr_value text_value(const char* text) {
    spr_value value = {SPR_TYPE_STRING, 0, {}};
    value.value.string = {text, SPR_NUL};
    return value;
}

// Euro signs have three bytes, the smiling face four.
constexpr char kUnicode[] = "a\xe2\x82\xac"
                            "b\xf0\x9f\x98\x80"
                            "c";

TEST(LimitsTest, MinusOneIsNone) {
    setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "-1", 1);
    setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", " -1 ", 1);
    setenv("OTEL_SPAN_EVENT_COUNT_LIMIT", "-2", 1);
    const spr_provider_options options = SPR_PROVIDER_OPTIONS_INIT;
    const trace::Limits limits = trace::Limits::choose(options);
    unsetenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT");
    unsetenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT");
    unsetenv("OTEL_SPAN_EVENT_COUNT_LIMIT");
    EXPECT_EQ(limits.attributes, 65535u);
    EXPECT_EQ(limits.value_length, ~uint32_t{0});
    EXPECT_EQ(limits.events, 128u) << "any other negative number is not understood";
}

TEST(FirstCharactersTest, CountCharactersAndNotBytes) {
    const std::string text = kUnicode;
    EXPECT_EQ(trace::first_characters(text.data(), text.size(), 0), 0u);
    EXPECT_EQ(trace::first_characters(text.data(), text.size(), 1), 1u);
    EXPECT_EQ(trace::first_characters(text.data(), text.size(), 2), 4u);
    EXPECT_EQ(trace::first_characters(text.data(), text.size(), 3), 5u);
    EXPECT_EQ(trace::first_characters(text.data(), text.size(), 4), 9u);
    EXPECT_EQ(trace::first_characters(text.data(), text.size(), 5), 10u);
    EXPECT_EQ(trace::first_characters(text.data(), text.size(), 100), 10u);
}

TEST(FirstCharactersTest, TakeEachBadByteForOne) {
    const std::string text = "\x80\x80\xe2\x82"
                             "a\xff\xed\xa0\x80";
    for (size_t count = 0; count <= text.size() + 1; ++count)
        EXPECT_EQ(trace::first_characters(text.data(), text.size(), count), std::min(count, text.size()));
}

// A span with an attribute of each type that has a length, on the span itself, an event and a link.
void make(Tracing& tracing) {
    const spr_value texts[] = {text_value("short"), text_value(kUnicode), {SPR_TYPE_INT64, 0, {}}};
    spr_attribute inner[] = {text_attribute("a key is never cut", "but its value is")};
    spr_attribute attributes[] = {
        text_attribute("text", kUnicode),          {"bytes", SPR_NUL, SPR_TYPE_BYTES, 0, {}},
        {"array", SPR_NUL, SPR_TYPE_ARRAY, 0, {}}, {"pairs", SPR_NUL, SPR_TYPE_KEY_VALUES, 0, {}},
        int_attribute("number", 123456789),        text_attribute("empty", "")};
    attributes[1].value.bytes = {"\0\xe2\x82\xac\x01", 5};
    attributes[2].value.array = {texts, 3};
    attributes[3].value.key_values = {inner, 1};
    const spr_event event = {"an event's name is never cut", SPR_NUL, 0, attributes, 6, 0, 0};
    const spr_link link = {{{1}, {1}, 0, 0, {}}, attributes, 6, "state=never-cut", SPR_NUL, 0, 0};
    const spr_span span = tracing.start("a name is never cut");
    EXPECT_EQ(spr_span_set_string(&span, "single", SPR_NUL, kUnicode, SPR_NUL), 0);
    EXPECT_EQ(spr_span_set_attributes(&span, attributes, 6), 0);
    EXPECT_EQ(spr_span_add_event(&span, &event), 0);
    EXPECT_EQ(spr_span_add_link(&span, &link), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
}

template <class Owner>
void expect_cut_to_two(const Owner& owner) {
    EXPECT_EQ(attribute(owner, "text"), "string:a\xe2\x82\xac");
    EXPECT_EQ(attribute(owner, "bytes"), "bytes:" + std::string("\0\xe2", 2));
    EXPECT_EQ(attribute(owner, "array"), "array:[string:sh,string:a\xe2\x82\xac,int:0]");
    EXPECT_EQ(attribute(owner, "pairs"), "pairs:{a key is never cut=string:bu}");
    EXPECT_EQ(attribute(owner, "number"), "int:123456789");
    EXPECT_EQ(attribute(owner, "empty"), "string:");
    EXPECT_EQ(owner.dropped_attributes_count(), 0u) << "a value that is cut is not dropped";
}

void expect_all_cut_to_two(const Tracing& tracing) {
    const auto segment = tracing.read();
    const auto& written = segment.named("a name is never cut");
    EXPECT_EQ(attribute(written, "single"), "string:a\xe2\x82\xac");
    expect_cut_to_two(written);
    ASSERT_EQ(written.events_size(), 1);
    EXPECT_EQ(written.events(0).name(), "an event's name is never cut");
    expect_cut_to_two(written.events(0));
    ASSERT_EQ(written.links_size(), 1);
    EXPECT_EQ(written.links(0).trace_state(), "state=never-cut");
    expect_cut_to_two(written.links(0));
}

TEST_IN_PROCESS(ValueLengthTest, IsLimitedByTheOption) {
    setenv("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "4", 1);
    spr_provider_options options = test::small_ring();
    options.attribute_value_length_limit = 2;
    Tracing tracing(options);
    make(tracing);
    expect_all_cut_to_two(tracing);
}

TEST_IN_PROCESS(ValueLengthTest, IsLimitedByTheEnvironmentTheSpansOwnVariableFirst) {
    setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "4", 1);
    setenv("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "2", 1);
    Tracing tracing;
    make(tracing);
    expect_all_cut_to_two(tracing);
}

TEST_IN_PROCESS(ValueLengthTest, IsLimitedByTheGeneralVariable) {
    setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "2", 1);
    setenv("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "two", 1);
    Tracing tracing;
    make(tracing);
    expect_all_cut_to_two(tracing);
}

// What becomes of a text; a provider makes its segment where SPANRING_DIR says at that moment.
std::string after_a_span(const spr_provider_options& options, const std::string& text) {
    Tracing tracing(options);
    const spr_span span = tracing.start("span");
    EXPECT_EQ(spr_span_set_string(&span, "key", SPR_NUL, text.data(), text.size()), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    return attribute(tracing.read().named("span"), "key");
}

TEST_IN_PROCESS(ValueLengthTest, IsNotLimitedByDefaultNorWhereTheOptionSaysSo) {
    const std::string text(9000, 'x');
    EXPECT_EQ(after_a_span(test::small_ring(), text), "string:" + text);
    setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "2", 1);
    spr_provider_options options = test::small_ring();
    options.attribute_value_length_limit = SPR_LIMIT_NONE;
    EXPECT_EQ(after_a_span(options, text), "string:" + text);
}

TEST_IN_PROCESS(ValueLengthTest, MayBeNothing) {
    setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "0", 1);
    EXPECT_EQ(after_a_span(test::small_ring(), "text"), "string:");
    unsetenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT");
    spr_provider_options options = test::small_ring();
    options.attribute_value_length_limit = SPR_LIMIT_ZERO;
    EXPECT_EQ(after_a_span(options, "text"), "string:");
}

// The short way and the general one meet where a text of so many bytes cannot have more characters.
TEST_IN_PROCESS(ValueLengthTest, IsTheSameOnEachSideOfTheShortWay) {
    for (uint32_t limit : {87u, 88u, 89u}) {
        spr_provider_options options = test::large_ring();
        options.attribute_value_length_limit = limit;
        Tracing tracing(options);
        const spr_span span = tracing.start("span");
        for (size_t size = 80; size <= 95; ++size)
            EXPECT_EQ(
                spr_span_set_string(&span, std::to_string(size).c_str(), SPR_NUL, std::string(size, 'x').c_str(), size),
                0);
        EXPECT_EQ(spr_span_end(&span), 0);
        const auto segment = tracing.read();
        for (size_t size = 80; size <= 95; ++size)
            EXPECT_EQ(attribute(segment.named("span"), std::to_string(size)),
                      "string:" + std::string(std::min<size_t>(size, limit), 'x'));
    }
}

TEST_IN_PROCESS(LimitTest, OfCountsIsTheOptionsThenTheEnvironments) {
    setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "6", 1);
    setenv("OTEL_SPAN_EVENT_COUNT_LIMIT", "6", 1);
    setenv("OTEL_SPAN_LINK_COUNT_LIMIT", "1", 1);
    setenv("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "3", 1);
    setenv("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "2", 1);
    spr_provider_options options = test::small_ring();
    options.attribute_count_limit = 4;
    options.event_count_limit = 5;
    options.link_count_limit = SPR_LIMIT_ZERO;
    const spr_provider_options by_variable = test::small_ring(), by_option = options;
    options.event_attribute_count_limit = SPR_LIMIT_NONE;
    options.link_attribute_count_limit = 1;
    options.link_count_limit = 9;
    const auto kept = [](const spr_provider_options& chosen) {
        Tracing tracing(chosen);
        std::vector<std::string> keys;
        for (int i = 0; i < 150; ++i) keys.push_back("key" + std::to_string(i));
        std::vector<spr_attribute> attributes;
        for (const std::string& key : keys) attributes.push_back(int_attribute(key.c_str(), 1));
        const spr_event event = {"event", SPR_NUL, 0, attributes.data(), attributes.size(), 0, 0};
        const spr_link link = {{{1}, {1}, 0, 0, {}}, attributes.data(), attributes.size(), nullptr, 0, 0, 0};
        const spr_span span = tracing.start("span");
        EXPECT_GT(spr_span_set_attributes(&span, attributes.data(), attributes.size()), 0);
        for (int i = 0; i < 10; ++i) {
            spr_span_add_event(&span, &event);
            spr_span_add_link(&span, &link);
        }
        EXPECT_EQ(spr_span_end(&span), 0);
        const auto segment = tracing.read();
        const auto& written = segment.named("span");
        EXPECT_EQ(written.attributes_size() + static_cast<int>(written.dropped_attributes_count()), 150);
        EXPECT_EQ(written.events_size() + static_cast<int>(written.dropped_events_count()), 10);
        EXPECT_EQ(written.links_size() + static_cast<int>(written.dropped_links_count()), 10);
        for (const auto& one : written.events())
            EXPECT_EQ(one.attributes_size() + static_cast<int>(one.dropped_attributes_count()), 150);
        for (const auto& one : written.links())
            EXPECT_EQ(one.attributes_size() + static_cast<int>(one.dropped_attributes_count()), 150);
        return std::vector<int>{written.attributes_size(), written.events_size(), written.links_size(),
                                written.events_size() == 0 ? -1 : written.events(0).attributes_size(),
                                written.links_size() == 0 ? -1 : written.links(0).attributes_size()};
    };
    EXPECT_EQ(kept(by_option), (std::vector<int>{4, 5, 0, 3, -1}));
    EXPECT_EQ(kept(by_variable), (std::vector<int>{6, 6, 1, 3, 2}));
    EXPECT_EQ(kept(options), (std::vector<int>{4, 5, 9, 150, 1}));
}

// ---- Keys that are there twice, inside one list

TEST_IN_PROCESS(AttributeListTest, KeepsTheLastOfEqualKeys) {
    Tracing tracing;
    const spr_attribute attributes[] = {text_attribute("a", "1"),  text_attribute("b", "only"),
                                        text_attribute("a", "22"), int_attribute("c", 1),
                                        int_attribute("a", 3),     text_attribute("", "none")};
    const spr_event event = {"event", SPR_NUL, 0, attributes, 6, 0, 0};
    const spr_link link = {{{1}, {1}, 0, 0, {}}, attributes, 6, nullptr, 0, 0, 0};
    const spr_span span = tracing.start("span");
    EXPECT_EQ(spr_span_add_event(&span, &event), 0);
    EXPECT_EQ(spr_span_add_link(&span, &link), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    const auto check = [](const auto& owner) {
        EXPECT_EQ(owner.attributes_size(), 3);
        EXPECT_EQ(attribute(owner, "a"), "int:3");
        EXPECT_EQ(attribute(owner, "b"), "string:only");
        EXPECT_EQ(attribute(owner, "c"), "int:1");
        EXPECT_EQ(owner.dropped_attributes_count(), 1u) << "the one without a key; what is replaced is not dropped";
    };
    check(segment.named("span").events(0));
    check(segment.named("span").links(0));
}

TEST_IN_PROCESS(AttributeListTest, CountsKeysAgainstItsLimitAndLetsAKnownOneChange) {
    setenv("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "2", 1);
    Tracing tracing;
    const spr_attribute attributes[] = {int_attribute("a", 1), int_attribute("a", 2), int_attribute("b", 3),
                                        int_attribute("c", 4), int_attribute("b", 5), int_attribute("c", 6),
                                        int_attribute("a", 7)};
    const spr_event event = {"event", SPR_NUL, 0, attributes, 7, 0, 0};
    const spr_span span = tracing.start("span");
    EXPECT_EQ(spr_span_add_event(&span, &event), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    const auto& written = segment.named("span").events(0);
    EXPECT_EQ(written.attributes_size(), 2);
    EXPECT_EQ(attribute(written, "a"), "int:7");
    EXPECT_EQ(attribute(written, "b"), "int:5");
    EXPECT_EQ(written.dropped_attributes_count(), 2u);
}

}  // namespace
}  // namespace spanring
