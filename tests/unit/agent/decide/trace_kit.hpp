// SPDX-License-Identifier: Apache-2.0
//
// Policies, and a trace of spans that protobuf makes for them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "decide/policies.hpp"
#include "otlp.pb.h"

namespace spanring::agent::test {

namespace otlp = spanring::otlp;

inline constexpr uint64_t kMs = 1'000'000;

inline PolicyOptions a_policy(PolicyType type, const std::string& name = "policy") {
    PolicyOptions options;
    options.name = name;
    options.type = type;
    return options;
}

inline otlp::Span a_span(const std::string& name = "GET /") {
    otlp::Span span;
    span.set_trace_id(std::string(16, 't'));
    span.set_span_id(std::string(8, 's'));
    span.set_name(name);
    span.set_start_time_unix_nano(1000 * kMs);
    span.set_end_time_unix_nano(1007 * kMs);
    return span;
}

inline otlp::KeyValue& attribute(otlp::Span& span, const std::string& key) {
    otlp::KeyValue& attribute = *span.add_attributes();
    attribute.set_key(key);
    return attribute;
}

class Trace {
public:
    explicit Trace(std::vector<PolicyOptions> options, const std::string& service = "shop",
                   const std::string& region = "")
        : policies_(options) {
        Producer producer;
        producer.service = service;
        otlp::ResourceSpans around;
        otlp::KeyValue& name = *around.mutable_resource()->add_attributes();
        name.set_key("region");
        name.mutable_value()->set_string_value(region);
        producer.resource = around.SerializeAsString();
        of_producer_ = policies_.marks_of(producer);
    }

    Trace& add(const otlp::Span& span, bool unfinished = false) {
        const std::string bytes = span.SerializeAsString();
        JudgedSpan judged;
        EXPECT_TRUE(policies_.read({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, of_producer_,
                                   unfinished, judged));
        key_ = judged.trace;
        policies_.add(judged, of_producer_, state_);
        return *this;
    }
    const TraceState& state() const { return state_; }
    Decision decide(Policies::Clock::time_point now = {}) { return policies_.decide(key_, state_, now); }
    bool kept() { return decide().keep; }
    std::string rule(Policies::Clock::time_point now = {}) { return policies_.names().at(decide(now).rule); }

private:
    Policies policies_;
    ProducerMarks of_producer_;
    TraceKey key_;
    TraceState state_;
};

}  // namespace spanring::agent::test
