// SPDX-License-Identifier: Apache-2.0
#include "processors/attributes_processor.hpp"

#include <gmock/gmock.h>

#include "chain_kit.hpp"

namespace spanring::agent::test {
namespace {

TEST(AttributesProcessorTest, InsertsWhereThereIsNone) {
    ChainKit kit({attributes({action("insert", "user", "bob"), action("insert", "zone", "eu")})});
    const auto span = kit.take(a_span());
    EXPECT_EQ(text_at(*span, "user"), "ann");
    EXPECT_EQ(text_at(*span, "zone"), "eu");
    EXPECT_EQ(span->attributes_size(), 4);
}

TEST(AttributesProcessorTest, UpdatesWhereThereIsOne) {
    ChainKit kit({attributes({action("update", "user", "bob"), action("update", "zone", "eu")})});
    const auto span = kit.take(a_span());
    EXPECT_EQ(text_at(*span, "user"), "bob");
    EXPECT_EQ(span->attributes_size(), 3);
    EXPECT_EQ(span->attributes(0).key(), "user") << "in its place";
}

TEST(AttributesProcessorTest, UpsertsInAnyCase) {
    ChainKit kit({attributes({action("upsert", "user", "bob"), action("upsert", "zone", "eu")})});
    const auto span = kit.take(a_span());
    EXPECT_EQ(text_at(*span, "user"), "bob");
    EXPECT_EQ(text_at(*span, "zone"), "eu");
}

TEST(AttributesProcessorTest, DeletesByKeyAndByPattern) {
    AttributeAction by_pattern = action("delete", "");
    by_pattern.pattern = "^me";
    ChainKit kit({attributes({action("delete", "user"), by_pattern})});
    const auto span = kit.take(a_span());
    ASSERT_EQ(span->attributes_size(), 1);
    EXPECT_EQ(span->attributes(0).key(), "code");
}

TEST(AttributesProcessorTest, HashesAsTheCollectorDoes) {
    ChainKit kit({attributes({action("hash", "user"), action("hash", "code")})});
    const auto span = kit.take(a_span());
    // sha256sum of "ann", and of the number's eight bytes.
    EXPECT_EQ(text_at(*span, "user"), "49915e0d7d4b402e3017d010bc1c0e83cac6c797d6c16e66340fe3268693a6a1");
    EXPECT_EQ(text_at(*span, "code"), "ca8923d6c4447d6fa6d0540cafff01f647f2bbfe8f19939686ce6fa7b0daee28");
}

TEST(AttributesProcessorTest, TakesValuesOfAnyTypeAndFromOtherAttributes) {
    AttributeAction copy = action("insert", "copy");
    copy.from_attribute = "code";
    AttributeAction as_text = action("insert", "text", "17");
    as_text.value_type = ConfiguredType::kText;
    ChainKit kit({attributes({action("insert", "whole", "-17"), action("insert", "part", "1.5"),
                              action("insert", "truth", "true"), as_text, copy})});
    const auto span = kit.take(a_span());
    EXPECT_EQ(value_of(*span, "whole")->int_value(), -17);
    EXPECT_EQ(value_of(*span, "part")->double_value(), 1.5);
    EXPECT_TRUE(value_of(*span, "truth")->bool_value());
    EXPECT_EQ(text_at(*span, "text"), "17");
    EXPECT_EQ(value_of(*span, "copy")->int_value(), 200);
}

TEST(AttributesProcessorTest, EachActionSeesWhatTheOnesBeforeLeft) {
    ChainKit kit({attributes({action("insert", "a", "1"), action("update", "a", "2"), action("delete", "user"),
                              action("insert", "user", "new"), action("insert", "b", "x"), action("delete", "b")})});
    const auto span = kit.take(a_span());
    EXPECT_EQ(value_of(*span, "a")->int_value(), 2);
    EXPECT_EQ(text_at(*span, "user"), "new");
    EXPECT_EQ(value_of(*span, "b"), nullptr);
}

TEST(AttributesProcessorTest, LeavesEverythingElseAsItWas) {
    otlp::Span original = a_span();
    set(*original.add_events()->add_attributes(), "user", "not this one");
    original.add_links()->set_trace_id(std::string(16, 'l'));
    set(*original.add_attributes(), "long", std::string(100'000, 'x'));
    ChainKit kit({attributes({action("update", "user", std::string(300, 'u'))})});
    const auto span = kit.take(original);
    set(*original.mutable_attributes(0), "user", std::string(300, 'u'));
    EXPECT_EQ(span->SerializeAsString(), original.SerializeAsString());
}

TEST(AttributesProcessorTest, SpansThatNothingTouchesAreNotWritten) {
    ChainKit kit({attributes({action("update", "zone", "eu"), action("delete", "secret"), action("hash", "token")})});
    kit.take(a_span());
    EXPECT_EQ(kit.outcome, Processed::kUntouched);
    EXPECT_EQ(kit.chain.figures(0).changed, 0u);
    EXPECT_EQ(kit.producer.producer, kit.original);
}

TEST(AttributesProcessorTest, ActsOnSpansThatAreIncludedAndNotExcluded) {
    ProcessorOptions options = attributes({action("insert", "seen", "1")});
    options.attributes.include.services = {"shop"};
    options.attributes.include.match_type = MatchType::kRegexp;
    options.attributes.include.names = {"^GET "};
    options.attributes.exclude.names = {"GET /health"};
    ChainKit kit({options});
    EXPECT_NE(value_of(*kit.take(a_span("GET /users")), "seen"), nullptr);
    EXPECT_EQ(value_of(*kit.take(a_span("POST /users")), "seen"), nullptr);
    EXPECT_EQ(value_of(*kit.take(a_span("GET /health")), "seen"), nullptr);
    ChainKit other({options}, "cart");
    EXPECT_EQ(value_of(*other.take(a_span("GET /users")), "seen"), nullptr);
}

// Parsers take the last key; a short one before it must not hide what is to be redacted.
TEST(AttributesProcessorTest, OfAKeyThatComesTwiceTheLastOneCounts) {
    otlp::KeyValue secret, decoy;
    set(secret, "password", "hunter2");
    decoy.set_key("x");
    otlp::Span span = a_span();
    std::string attribute = decoy.SerializeAsString() + secret.SerializeAsString();
    attribute = "\x4a" + std::string(1, static_cast<char>(attribute.size())) + attribute;
    const std::string bytes = attribute + span.SerializeAsString() + attribute;
    ChainKit kit({attributes({action("delete", "password")})});
    ASSERT_EQ(kit.chain.take(kit.producer, bytes_in(bytes)), Processed::kChanged);
    std::string record(kit.chain.record_size(), '\0');
    kit.chain.write_record(reinterpret_cast<uint8_t*>(record.data()));
    EXPECT_EQ(record.find("hunter2"), std::string::npos);
}

// One such text, and parsers refuse the whole request.
TEST(AttributesProcessorTest, RefusesWhatIsNoUtf8) {
    EXPECT_THAT(wrong_action(action("insert", "a", "caf\xe9")), testing::HasSubstr("UTF-8"));
    EXPECT_THAT(wrong_action(action("upsert", "caf\xe9", "1")), testing::HasSubstr("UTF-8"));
    EXPECT_EQ(wrong_action(action("insert", "a", "caf\xc3\xa9")), "");
}

TEST(AttributesProcessorTest, SaysWhatIsWrongWithAnAction) {
    EXPECT_THAT(wrong_action(action("insert", "a")), testing::HasSubstr("value"));
    EXPECT_THAT(wrong_action(action("insert", "", "1")), testing::HasSubstr("key"));
    EXPECT_THAT(wrong_action(action("delete", "a", "1")), testing::HasSubstr("neither"));
    EXPECT_THAT(wrong_action(action("hash", "")), testing::HasSubstr("pattern"));
    EXPECT_THAT(wrong_action(action("", "a")), testing::HasSubstr("action"));
    AttributeAction whole = action("insert", "a", "no number");
    whole.value_type = ConfiguredType::kInteger;
    EXPECT_THAT(wrong_action(whole), testing::HasSubstr("value_type"));
    EXPECT_EQ(wrong_action(action("hash", "a")), "");
}

TEST(ResourceProcessorTest, ChangesTheResourceAndKeepsItsSchemaAndItsProcess) {
    ProcessorOptions options;
    options.type = ProcessorType::kResource;
    options.resource.actions = {action("upsert", "deployment.environment", "test"),
                                action("update", "service.name", "x")};
    ChainKit kit({options});
    EXPECT_EQ(text_at(kit.resource().resource(), "deployment.environment"), "test");
    EXPECT_EQ(text_at(kit.resource().resource(), "service.name"), "x");
    EXPECT_EQ(kit.resource().schema_url(), "https://example.com/schema");
    EXPECT_EQ(kit.producer.producer->service, "shop") << "the accounts know it by that";
    kit.take(a_span());
    EXPECT_EQ(kit.outcome, Processed::kUntouched);
}

}  // namespace
}  // namespace spanring::agent::test
