// SPDX-License-Identifier: Apache-2.0
#include "processors/redaction_processor.hpp"

#include "chain_kit.hpp"

namespace spanring::agent::test {
namespace {

ProcessorOptions redaction(RedactionOptions options) {
    ProcessorOptions processor;
    processor.type = ProcessorType::kRedaction;
    processor.redaction = std::move(options);
    return processor;
}

RedactionOptions all_keys() {
    RedactionOptions options;
    options.allow_all_keys = true;
    return options;
}

TEST(RedactionProcessorTest, RemovesWhatIsNotAllowed) {
    RedactionOptions options;
    options.allowed_keys = {"method", "service.name"};
    options.ignored_keys = {"code"};
    ChainKit kit({redaction(options)});
    const otlp::Span span = *kit.take(a_span());
    EXPECT_EQ(span.attributes_size(), 2);
    EXPECT_EQ(text_at(span, "method"), "GET");
    EXPECT_NE(value_of(span, "code"), nullptr);
    EXPECT_EQ(value_of(span, "user"), nullptr);
    EXPECT_EQ(kit.chain.figures(0).redacted, 1u);
    EXPECT_EQ(text_at(kit.resource().resource(), "service.name"), "shop");
}

TEST(RedactionProcessorTest, MasksValuesOfBlockedKeysWhole) {
    RedactionOptions options = all_keys();
    options.blocked_key_patterns = {"^(user|code)$"};
    ChainKit kit({redaction(options)});
    const otlp::Span span = *kit.take(a_span());
    EXPECT_EQ(text_at(span, "user"), "****");
    EXPECT_EQ(text_at(span, "code"), "****") << "a number too";
    EXPECT_EQ(text_at(span, "method"), "GET");
    EXPECT_EQ(kit.chain.figures(0).redacted, 2u);
}

// Without patterns of values too.
TEST(RedactionProcessorTest, LooksForBlockedKeysInsideOfMaps) {
    RedactionOptions options = all_keys();
    options.blocked_key_patterns = {"password"};
    ChainKit kit({redaction(options)});
    otlp::Span before = a_span();
    otlp::KeyValue& map = *before.add_attributes();
    map.set_key("map");
    set(*map.mutable_value()->mutable_kvlist_value()->add_values(), "password", "hunter2");
    otlp::KeyValue& list = *before.add_attributes();
    list.set_key("list");
    set(*list.mutable_value()->mutable_array_value()->add_values()->mutable_kvlist_value()->add_values(), "a password",
        "hunter2");
    const otlp::Span span = *kit.take(before);
    EXPECT_EQ(text_at(span, "map"), "****");
    EXPECT_EQ(text_at(span, "list"), "****");
    EXPECT_EQ(kit.chain.figures(0).redacted, 2u);
}

TEST(RedactionProcessorTest, LooksIntoBytes) {
    RedactionOptions options = all_keys();
    options.blocked_values = {"secret"};
    ChainKit kit({redaction(options)});
    otlp::Span before = a_span();
    before.add_attributes()->set_key("body");
    before.mutable_attributes(3)->mutable_value()->set_bytes_value("\xff a secret");
    before.add_attributes()->set_key("other");
    before.mutable_attributes(4)->mutable_value()->set_bytes_value("\xff");
    const otlp::Span span = *kit.take(before);
    EXPECT_EQ(text_at(span, "body"), "****");
    EXPECT_TRUE(value_of(span, "other")->has_bytes_value());
    EXPECT_EQ(kit.chain.figures(0).redacted, 1u);
}

// The second one changes an event that the first has changed.
TEST(RedactionProcessorTest, CountsWhatEachOneMasks) {
    RedactionOptions first = all_keys(), second = all_keys();
    first.blocked_values = {"secret"};
    second.blocked_values = {"hidden"};
    ChainKit kit({redaction(first), redaction(second)});
    otlp::Span before = a_span();
    set(*before.add_events()->add_attributes(), "what", "secret, hidden");
    EXPECT_EQ(text_at(kit.take(before)->events(0), "what"), "****, ****");
    for (const size_t processor : {0, 1}) {
        EXPECT_EQ(kit.chain.figures(processor).changed, 1u) << processor;
        EXPECT_EQ(kit.chain.figures(processor).redacted, 1u) << processor;
    }
}

TEST(RedactionProcessorTest, MasksWhatIsBlockedInValues) {
    RedactionOptions options = all_keys();
    options.blocked_values = {"4[0-9]{15}", "(?i)bearer [a-z]+"};
    options.allowed_values = {"^test "};
    ChainKit kit({redaction(options)});
    otlp::Span before = a_span();
    set(*before.add_attributes(), "card", "cards 4111111111111111, 4222222222222222; Bearer abc");
    set(*before.add_attributes(), "tried", "test 4111111111111111");
    otlp::ArrayValue& list = *before.add_attributes()->mutable_value()->mutable_array_value();
    before.mutable_attributes(5)->set_key("list");
    list.add_values()->set_int_value(1);
    list.add_values()->set_string_value("4111111111111111");
    otlp::KeyValue& pair = *before.add_attributes()->mutable_value()->mutable_kvlist_value()->add_values();
    before.mutable_attributes(6)->set_key("map");
    set(pair, "inner", "harmless");
    const otlp::Span span = *kit.take(before);
    EXPECT_EQ(text_at(span, "card"), "cards ****, ****; ****");
    EXPECT_EQ(text_at(span, "tried"), "test 4111111111111111");
    EXPECT_EQ(text_at(span, "list"), "****") << "a list as a whole";
    EXPECT_TRUE(value_of(span, "map")->has_kvlist_value());
    EXPECT_EQ(kit.chain.figures(0).redacted, 2u);
}

TEST(RedactionProcessorTest, LooksIntoEventsLinksScopesAndResources) {
    RedactionOptions options = all_keys();
    options.blocked_values = {"secret"};
    ChainKit kit({redaction(options)}, "secret service");
    EXPECT_EQ(text_at(kit.resource().resource(), "service.name"), "**** service");
    EXPECT_EQ(kit.resource().schema_url(), "https://example.com/schema");
    otlp::Span before = a_span();
    set(*before.add_events()->add_attributes(), "what", "a secret");
    before.mutable_events(0)->set_name("told");
    set(*before.add_links()->add_attributes(), "why", "secret");
    before.mutable_links(0)->set_trace_id(std::string(16, 'l'));
    const otlp::Span span = *kit.take(before);
    ASSERT_EQ(span.events_size(), 1);
    EXPECT_EQ(span.events(0).name(), "told");
    EXPECT_EQ(text_at(span.events(0), "what"), "a ****");
    ASSERT_EQ(span.links_size(), 1);
    EXPECT_EQ(span.links(0).trace_id(), std::string(16, 'l'));
    EXPECT_EQ(text_at(span.links(0), "why"), "****");
    otlp::ScopeSpans scope;
    scope.mutable_scope()->set_name("scope");
    set(*scope.mutable_scope()->add_attributes(), "of", "secret things");
    auto made = std::make_shared<Scope>();
    made->scope = scope.SerializeAsString();
    otlp::ScopeSpans changed;
    ASSERT_TRUE(changed.ParseFromString(kit.chain.scope(made)->scope));
    EXPECT_EQ(text_at(changed.scope(), "of"), "**** things");
}

TEST(RedactionProcessorTest, NeverLeavesHalfACharacter) {
    RedactionOptions options = all_keys();
    options.blocked_values = {"^\\C"};  // a byte
    ChainKit kit({redaction(options)});
    otlp::Span before = a_span();
    set(*before.add_attributes(), "word", "über");
    EXPECT_EQ(text_at(*kit.take(before), "word"), "****");
}

TEST(RedactionProcessorTest, LeavesASpanAloneInWhichThereIsNothing) {
    RedactionOptions options = all_keys();
    options.blocked_values = {"secret"};
    options.blocked_key_patterns = {"^cookie"};
    ChainKit kit({redaction(options)});
    kit.take(a_span());
    EXPECT_EQ(kit.outcome, Processed::kUntouched);
    EXPECT_EQ(kit.chain.figures(0).redacted, 0u);
}

}  // namespace
}  // namespace spanring::agent::test
