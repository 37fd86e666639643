// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "support/tracing.hpp"

namespace spanring {
namespace {

using test::attribute;
using test::Tracing;

spr_value text_value(const char* text) {
    spr_value value = {SPR_TYPE_STRING, 0, {}};
    value.value.string = {text, SPR_NUL};
    return value;
}
spr_value int_value(int64_t number) {
    spr_value value = {SPR_TYPE_INT64, 0, {}};
    value.value.int64 = number;
    return value;
}
template <size_t kCount>
spr_attribute array(const char* key, const spr_value (&values)[kCount]) {
    spr_attribute attribute = {key, SPR_NUL, SPR_TYPE_ARRAY, 0, {}};
    attribute.value.array = {values, kCount};
    return attribute;
}

TEST_IN_PROCESS(ListTest, IsWrittenWithBytesAndNothing) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    const spr_value inner[] = {int_value(1), text_value("two"), {SPR_TYPE_EMPTY, 0, {}}};
    spr_value nested[] = {text_value(""), {SPR_TYPE_ARRAY, 0, {}}};
    nested[1].value.array = {inner, 3};
    spr_attribute pairs[] = {{"a", SPR_NUL, SPR_TYPE_BOOL, 0, {}}, array("b", inner)};
    pairs[0].value.boolean = 7;
    spr_attribute attributes[] = {array("array", nested),
                                  {"pairs", SPR_NUL, SPR_TYPE_KEY_VALUES, 0, {}},
                                  {"bytes", SPR_NUL, SPR_TYPE_BYTES, 0, {}},
                                  {"nothing", SPR_NUL, SPR_TYPE_EMPTY, 0, {}},
                                  {"no elements", SPR_NUL, SPR_TYPE_ARRAY, 0, {}},
                                  {"no bytes", SPR_NUL, SPR_TYPE_BYTES, 0, {}}};
    attributes[1].value.key_values = {pairs, 2};
    attributes[2].value.bytes = {"\0\xff\x80", 3};
    EXPECT_EQ(spr_span_set_attributes(&span, attributes, std::size(attributes)), 0);
    const spr_event event = {"event", SPR_NUL, 0, attributes, std::size(attributes), 0, 0};
    EXPECT_EQ(spr_span_add_event(&span, &event), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    const auto& written = segment.named("span");
    ASSERT_EQ(written.events_size(), 1);
    const auto check = [](const auto& owner) {
        EXPECT_EQ(attribute(owner, "array"), "array:[string:,array:[int:1,string:two,none]]");
        EXPECT_EQ(attribute(owner, "pairs"), "pairs:{a=bool:true,b=array:[int:1,string:two,none]}");
        EXPECT_EQ(attribute(owner, "bytes"), "bytes:" + std::string("\0\xff\x80", 3));
        EXPECT_EQ(attribute(owner, "nothing"), "none");
        EXPECT_EQ(attribute(owner, "no elements"), "array:[]");
        EXPECT_EQ(attribute(owner, "no bytes"), "bytes:");
    };
    check(written);
    check(written.events(0));
}

// Arrays, or key-value lists, each in the next; the innermost one has a text.
struct Nested {
    Nested(size_t depth, uint32_t type) : values(depth + 1), pairs(depth + 1) {
        values[0] = text_value("bottom");
        for (size_t i = 0; i < depth; ++i) {
            pairs[i] = {"k", 1, values[i].type, 0, values[i].value};
            values[i + 1] = {type, 0, {}};
            if (type == SPR_TYPE_ARRAY)
                values[i + 1].value.array = {&values[i], 1};
            else
                values[i + 1].value.key_values = {&pairs[i], 1};
        }
        outermost = {"deep", SPR_NUL, type, 0, values[depth].value};
    }
    std::vector<spr_value> values;
    std::vector<spr_attribute> pairs;
    spr_attribute outermost;
};

// So that no request has more than 100 messages in one another, wherever the value is.
TEST_IN_PROCESS(ListTest, ThatIsNestedTooDeepIsAnEmptyValue) {
    Tracing tracing;
    const struct {
        uint32_t type;
        size_t deepest;
        const char *open, *close;
    } kinds[] = {{SPR_TYPE_ARRAY, 46, "array:[", "]"}, {SPR_TYPE_KEY_VALUES, 31, "pairs:{k=", "}"}};
    for (const auto& kind : kinds)
        for (const size_t beyond : {0, 1, 1000}) {
            const spr_span span = tracing.start("span");
            Nested nested(kind.deepest + beyond, kind.type);
            EXPECT_EQ(spr_span_set_attributes(&span, &nested.outermost, 1), 0);
            const spr_event event = {"event", SPR_NUL, 0, &nested.outermost, 1, 0, 0};
            EXPECT_EQ(spr_span_add_event(&span, &event), 0);
            EXPECT_EQ(spr_span_end(&span), 0);
            std::string wanted = beyond == 0 ? "string:bottom" : "none";
            for (size_t i = 0; i < kind.deepest; ++i) wanted = kind.open + wanted + kind.close;
            const auto segment = tracing.read();
            EXPECT_EQ(attribute(segment.spans().back().span, "deep"), wanted) << beyond;
            EXPECT_EQ(attribute(segment.spans().back().span.events(0), "deep"), wanted) << beyond;
            otlp::Request request;
            *request.add_resource_spans()->add_scope_spans()->add_spans() = segment.spans().back().span;
            EXPECT_TRUE(otlp::Request().ParseFromString(request.SerializeAsString()));
        }
    EXPECT_EQ(tracing.statistics().refused_data, 0u);
}

// Each list has the one before twice: its size doubles with each, and no walk goes through all of them.
TEST_IN_PROCESS(ListTest, ThatIsThereManyTimesIsNotWalkedForEver) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    spr_value levels[40][2];
    levels[0][0] = levels[0][1] = int_value(1);
    for (size_t i = 1; i < std::size(levels); ++i) {
        levels[i][0] = {SPR_TYPE_ARRAY, 0, {}};
        levels[i][0].value.array = {levels[i - 1], 2};
        levels[i][1] = levels[i][0];
    }
    const auto set_levels = [&](size_t depth) {
        const spr_attribute attribute = {"doubled", SPR_NUL, SPR_TYPE_ARRAY, 0, levels[depth][0].value};
        return spr_span_set_attributes(&span, &attribute, 1);
    };
    EXPECT_EQ(set_levels(std::size(levels) - 1), 1);
    EXPECT_EQ(set_levels(8), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const std::string written = attribute(tracing.read().named("span"), "doubled");
    EXPECT_EQ(std::count(written.begin(), written.end(), '1'), 256);
}

TEST_IN_PROCESS(ListTest, WithoutItsElementsIsRefused) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    spr_attribute bad[] = {{"array", SPR_NUL, SPR_TYPE_ARRAY, 0, {}},
                           {"pairs", SPR_NUL, SPR_TYPE_KEY_VALUES, 0, {}},
                           {"bytes", SPR_NUL, SPR_TYPE_BYTES, 0, {}},
                           {"type", SPR_NUL, 8, 0, {}},
                           {"type", SPR_NUL, 0, 0, {}}};
    bad[0].value.array = {nullptr, 1};
    bad[1].value.key_values = {nullptr, 1};
    bad[2].value.bytes = {"", SPR_NUL};
    EXPECT_EQ(spr_span_set_attributes(&span, bad, std::size(bad)), static_cast<int>(std::size(bad)));
    const spr_attribute no_key = {"", 0, SPR_TYPE_EMPTY, 0, {}};
    spr_attribute with_bad_pair = {"pairs", SPR_NUL, SPR_TYPE_KEY_VALUES, 0, {}};
    with_bad_pair.value.key_values = {&no_key, 1};
    EXPECT_EQ(spr_span_set_attributes(&span, &with_bad_pair, 1), 1);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    EXPECT_EQ(segment.named("span").attributes_size(), 0);
    EXPECT_EQ(segment.named("span").dropped_attributes_count(), std::size(bad) + 1);
}

TEST_IN_PROCESS(ListTest, ThatDoesNotFitIntoTheSpanIsRefusedAndTheRestIsKept) {
    Tracing tracing;
    const spr_span span = tracing.start("span");
    EXPECT_EQ(spr_span_set_int64(&span, "kept", SPR_NUL, 1), 0);
    const std::vector<spr_value> numbers(600'000, int_value(1));
    spr_attribute list = {"huge", SPR_NUL, SPR_TYPE_ARRAY, 0, {}};
    for (const size_t count : {20'000, 600'000}) {
        list.value.array = {numbers.data(), count};
        EXPECT_EQ(spr_span_set_attributes(&span, &list, 1), 1);
    }
    EXPECT_EQ(spr_span_set_int64(&span, "after", SPR_NUL, 2), 0);
    EXPECT_EQ(spr_span_end(&span), 0);
    const auto segment = tracing.read();
    EXPECT_EQ(segment.named("span").attributes_size(), 2);
    EXPECT_EQ(segment.named("span").dropped_attributes_count(), 2u);
}

}  // namespace
}  // namespace spanring
