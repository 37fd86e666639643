// SPDX-License-Identifier: Apache-2.0
#include "processors/limits_processor.hpp"

#include "chain_kit.hpp"

namespace spanring::agent::test {
namespace {

ProcessorOptions limits(uint32_t count, uint32_t length) {
    ProcessorOptions processor;
    processor.type = ProcessorType::kLimits;
    processor.limits = {count, length};
    return processor;
}

TEST(LimitsProcessorTest, KeepsTheFirstAttributesAndCountsTheRest) {
    ChainKit kit({limits(2, 0)});
    otlp::Span before = a_span();
    before.set_dropped_attributes_count(5);
    const otlp::Span span = *kit.take(before);
    ASSERT_EQ(span.attributes_size(), 2);
    EXPECT_EQ(span.attributes(0).key(), "user");
    EXPECT_EQ(span.attributes(1).key(), "method");
    EXPECT_EQ(span.dropped_attributes_count(), 6u);
}

TEST(LimitsProcessorTest, CountsWhatOthersAddedAndNotWhatTheyRemoved) {
    ChainKit added({attributes({action("insert", "new", "x")}), limits(3, 0)});
    const otlp::Span one = *added.take(a_span());
    EXPECT_EQ(one.attributes_size(), 3);
    EXPECT_EQ(value_of(one, "new"), nullptr);
    EXPECT_EQ(one.dropped_attributes_count(), 1u);
    ChainKit removed({attributes({action("delete", "user")}), limits(2, 0)});
    const otlp::Span other = *removed.take(a_span());
    EXPECT_EQ(other.attributes_size(), 2);
    EXPECT_EQ(other.dropped_attributes_count(), 0u);
}

TEST(LimitsProcessorTest, CutsTextsAtWholeCharacters) {
    ChainKit kit({limits(0, 3)});
    otlp::Span before = a_span();
    set(*before.add_attributes(), "four", "üöäß");
    set(*before.add_attributes(), "three", "日本語");
    otlp::ArrayValue& list = *before.add_attributes()->mutable_value()->mutable_array_value();
    before.mutable_attributes(5)->set_key("list");
    list.add_values()->set_int_value(123456);
    list.add_values()->set_string_value("abcdef");
    set(*before.add_events()->add_attributes(), "what", "happened");
    const otlp::Span span = *kit.take(before);
    EXPECT_EQ(text_at(span, "four"), "üöä");
    EXPECT_EQ(text_at(span, "three"), "日本語");
    EXPECT_EQ(text_at(span, "method"), "GET");
    EXPECT_EQ(value_of(span, "code")->int_value(), 200);
    const otlp::ArrayValue& cut = value_of(span, "list")->array_value();
    ASSERT_EQ(cut.values_size(), 2);
    EXPECT_EQ(cut.values(0).int_value(), 123456);
    EXPECT_EQ(cut.values(1).string_value(), "abc");
    EXPECT_EQ(text_at(span.events(0), "what"), "hap");
}

TEST(LimitsProcessorTest, LeavesASpanAloneThatIsWithin) {
    ChainKit kit({limits(3, 3)});
    kit.take(a_span());
    EXPECT_EQ(kit.outcome, Processed::kUntouched);
}

}  // namespace
}  // namespace spanring::agent::test
