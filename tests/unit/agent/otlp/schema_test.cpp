// SPDX-License-Identifier: Apache-2.0
//
// The rows against the descriptors that protoc made of OTLP's messages.
#include "otlp/schema.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include <google/protobuf/descriptor.h>

#include "otlp.pb.h"

namespace spanring::agent::test {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using schema::Content;
using schema::Message;
using schema::Row;
using schema::Times;

const std::map<Message, const Descriptor*>& descriptors() {
    static const std::map<Message, const Descriptor*> all = {
        {Message::kSpan, otlp::Span::descriptor()},
        {Message::kEvent, otlp::Span::Event::descriptor()},
        {Message::kLink, otlp::Span::Link::descriptor()},
        {Message::kStatus, otlp::Status::descriptor()},
        {Message::kResource, otlp::Resource::descriptor()},
        {Message::kScope, otlp::InstrumentationScope::descriptor()},
        {Message::kKeyValue, otlp::KeyValue::descriptor()},
        {Message::kAnyValue, otlp::AnyValue::descriptor()},
        {Message::kArrayValue, otlp::ArrayValue::descriptor()},
        {Message::kKeyValueList, otlp::KeyValueList::descriptor()},
    };
    return all;
}

const FieldDescriptor* field_of(const Row& row) { return descriptors().at(row.message)->FindFieldByNumber(row.field); }

std::string name_of(const Row& row) { return descriptors().at(row.message)->name() + "." + std::to_string(row.field); }

wire::Type wire_type(const FieldDescriptor& field) {
    switch (field.type()) {
        case FieldDescriptor::TYPE_FIXED64:
        case FieldDescriptor::TYPE_DOUBLE: return wire::Type::kFixed64;
        case FieldDescriptor::TYPE_FIXED32: return wire::Type::kFixed32;
        case FieldDescriptor::TYPE_STRING:
        case FieldDescriptor::TYPE_BYTES:
        case FieldDescriptor::TYPE_MESSAGE: return wire::Type::kBytes;
        default: return wire::Type::kVarint;
    }
}

TEST(SchemaTest, HasARowForEachFieldAndNoOther) {
    std::map<Message, int> rows;
    for (const Row& row : schema::kRows) {
        EXPECT_NE(field_of(row), nullptr) << name_of(row);
        EXPECT_EQ(schema::find(row.message, row.field), &row) << name_of(row) << " has one row";
        ++rows[row.message];
    }
    for (const auto& [message, descriptor] : descriptors()) {
        EXPECT_EQ(rows[message], descriptor->field_count()) << descriptor->name();
    }
    EXPECT_EQ(rows.size(), static_cast<size_t>(Message::kNoMessage));
    EXPECT_EQ(schema::find(Message::kStatus, 1), nullptr);
}

TEST(SchemaTest, GivesEachFieldItsTagAndItsChild) {
    for (const Row& row : schema::kRows) {
        const FieldDescriptor& field = *field_of(row);
        EXPECT_EQ(schema::tag_of(row), wire::tag(row.field, wire_type(field))) << name_of(row);
        EXPECT_EQ(row.content == Content::kText, field.type() == FieldDescriptor::TYPE_STRING) << name_of(row);
        const bool message = row.content == Content::kChild || row.content == Content::kDeeperChild;
        ASSERT_EQ(message, field.type() == FieldDescriptor::TYPE_MESSAGE) << name_of(row);
        if (!message) continue;
        EXPECT_EQ(descriptors().at(row.child), field.message_type()) << name_of(row);
    }
}

TEST(SchemaTest, LetsNothingMerge) {
    for (const Row& row : schema::kRows) {
        const FieldDescriptor& field = *field_of(row);
        EXPECT_EQ(row.times == Times::kOneOf, field.containing_oneof() != nullptr) << name_of(row);
        if (field.type() != FieldDescriptor::TYPE_MESSAGE || field.is_repeated()) continue;
        EXPECT_TRUE(row.times == Times::kOnce || row.times == Times::kOneOf) << name_of(row);
    }
}

// Every level of AnyValue is counted, so that no span is deeper than parsers go.
TEST(SchemaTest, CountsTheDepthWhereverItCanRecur) {
    for (const Row& row : schema::kRows) {
        const bool list = row.child == Message::kArrayValue || row.child == Message::kKeyValueList;
        EXPECT_EQ(row.content == Content::kDeeperChild, list) << name_of(row);
    }
}

}  // namespace
}  // namespace spanring::agent::test
