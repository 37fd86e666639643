// SPDX-License-Identifier: Apache-2.0
//
// A chain of processors and spans for it, made and read by protobuf.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "otlp.pb.h"
#include "processors/processor_chain.hpp"
#include "processors/processor_options.hpp"

namespace spanring::agent::test {

namespace otlp = spanring::otlp;

inline void set(otlp::KeyValue& attribute, const std::string& key, const std::string& value) {
    attribute.set_key(key);
    attribute.mutable_value()->set_string_value(value);
}

inline otlp::Span a_span(const std::string& name = "GET /users/17") {
    otlp::Span span;
    span.set_trace_id(std::string(16, 't'));
    span.set_span_id(std::string(8, 's'));
    span.set_name(name);
    span.set_kind(otlp::Span::SERVER);
    span.set_start_time_unix_nano(1'000'000'000);
    span.set_end_time_unix_nano(1'007'000'000);
    set(*span.add_attributes(), "user", "ann");
    set(*span.add_attributes(), "method", "GET");
    otlp::KeyValue& status = *span.add_attributes();
    status.set_key("code");
    status.mutable_value()->set_int_value(200);
    span.mutable_status()->set_code(otlp::Status::OK);
    span.set_flags(257);
    return span;
}

inline std::span<const uint8_t> bytes_in(const std::string& text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

class ChainKit {
public:
    explicit ChainKit(std::vector<ProcessorOptions> processors, const std::string& service = "shop")
        : chain(processors) {
        auto made = std::make_shared<Producer>();
        made->service = service;
        otlp::Resource resource;
        set(*resource.add_attributes(), "service.name", service);
        otlp::ResourceSpans around;
        *around.mutable_resource() = resource;
        around.set_schema_url("https://example.com/schema");
        made->resource = around.SerializeAsString();
        producer = chain.producer(made);
        original = made;
    }

    // Nothing: it is filtered.
    std::optional<otlp::Span> take(const otlp::Span& span) {
        const std::string bytes = span.SerializeAsString();
        outcome = chain.take(producer, bytes_in(bytes));
        if (outcome == Processed::kFiltered) return std::nullopt;
        if (outcome == Processed::kUntouched) return span;
        std::string record(chain.record_size(), '\0');
        chain.write_record(reinterpret_cast<uint8_t*>(record.data()));
        otlp::ScopeSpans around;
        EXPECT_TRUE(around.ParseFromString(record));
        EXPECT_EQ(around.spans_size(), 1);
        EXPECT_EQ(around.ByteSizeLong(), record.size()) << "nothing else is in it";
        return around.spans(0);
    }

    otlp::ResourceSpans resource() const {
        otlp::ResourceSpans parsed;
        EXPECT_TRUE(parsed.ParseFromString(producer.producer->resource));
        return parsed;
    }

    ProcessorChain chain;
    ProcessedProducer producer;
    std::shared_ptr<const Producer> original;
    Processed outcome = Processed::kUntouched;
};

template <class Message>
const otlp::AnyValue* value_of(const Message& message, const std::string& key) {
    for (const otlp::KeyValue& attribute : message.attributes()) {
        if (attribute.key() == key) return &attribute.value();
    }
    return nullptr;
}

template <class Message>
std::string text_at(const Message& message, const std::string& key) {
    const otlp::AnyValue* const value = value_of(message, key);
    return value != nullptr ? value->string_value() : "(none)";
}

inline AttributeAction action(const std::string& kind, const std::string& key) {
    AttributeAction action;
    action.action = kind;
    action.key = key;
    return action;
}

inline AttributeAction action(const std::string& kind, const std::string& key, const std::string& value) {
    AttributeAction made = action(kind, key);
    made.value = value;
    made.has_value = true;
    return made;
}

inline ProcessorOptions attributes(std::vector<AttributeAction> actions) {
    ProcessorOptions options;
    options.type = ProcessorType::kAttributes;
    options.attributes.actions = std::move(actions);
    return options;
}

inline ProcessorOptions filter(std::vector<SpanMatchOptions> spans) {
    ProcessorOptions options;
    options.type = ProcessorType::kFilter;
    options.filter.spans = std::move(spans);
    return options;
}

}  // namespace spanring::agent::test
