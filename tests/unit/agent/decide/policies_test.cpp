// SPDX-License-Identifier: Apache-2.0
//
// Which traces each policy keeps, and which of several has the say.
#include "decide/policies.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "otlp.pb.h"

namespace spanring::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

namespace otlp = spanring::otlp;

constexpr uint64_t kMs = 1'000'000;

PolicyOptions a_policy(PolicyType type, const std::string& name = "policy") {
    PolicyOptions options;
    options.name = name;
    options.type = type;
    return options;
}

otlp::Span a_span(const std::string& name = "GET /") {
    otlp::Span span;
    span.set_trace_id(std::string(16, 't'));
    span.set_span_id(std::string(8, 's'));
    span.set_name(name);
    span.set_start_time_unix_nano(1000 * kMs);
    span.set_end_time_unix_nano(1007 * kMs);
    return span;
}

otlp::KeyValue& attribute(otlp::Span& span, const std::string& key) {
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
        EXPECT_TRUE(policies_.read({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, unfinished, judged));
        key_ = judged.trace;
        state_.marks |= judged.marks | of_producer_;
        state_.add(judged.start_unix_nano, judged.end_unix_nano);
        return *this;
    }
    Decision decide(Policies::Clock::time_point now = {}) { return policies_.decide(key_, state_, now); }
    bool kept() { return decide().keep; }
    std::string rule(Policies::Clock::time_point now = {}) { return policies_.names().at(decide(now).rule); }

private:
    Policies policies_;
    PolicyMarks of_producer_ = 0;
    TraceKey key_;
    TraceState state_;
};

TEST(Policies, NobodyIsAsked) {
    Trace trace({a_policy(PolicyType::kUnfinished)});
    trace.add(a_span());
    EXPECT_FALSE(trace.kept());
    EXPECT_EQ(trace.rule(), Policies::kNoPolicy);
}

TEST(Policies, TheFirstThatAnswersIsFollowed) {
    const PolicyOptions never = a_policy(PolicyType::kNever, "never");
    const PolicyOptions always = a_policy(PolicyType::kAlwaysSample, "always");
    const PolicyOptions unfinished = a_policy(PolicyType::kUnfinished, "unfinished");
    EXPECT_EQ(Trace({never, always}).add(a_span()).rule(), "never");
    EXPECT_EQ(Trace({always, never}).add(a_span()).rule(), "always");
    EXPECT_EQ(Trace({unfinished, never}).add(a_span(), true).rule(), "unfinished");
    EXPECT_EQ(Trace({unfinished, never}).add(a_span()).rule(), "never");
}

TEST(Policies, StatusOfAnySpan) {
    PolicyOptions options = a_policy(PolicyType::kStatusCode);
    options.status_codes = {"ERROR", "OK"};
    otlp::Span failed = a_span();
    failed.mutable_status()->set_code(otlp::Status::ERROR);
    otlp::Span fine = a_span();
    fine.mutable_status()->set_code(otlp::Status::OK);
    EXPECT_FALSE(Trace({options}).add(a_span()).kept());
    EXPECT_TRUE(Trace({options}).add(a_span()).add(failed).kept());
    EXPECT_TRUE(Trace({options}).add(fine).add(a_span()).kept());
    options.status_codes = {"UNSET"};
    EXPECT_TRUE(Trace({options}).add(a_span()).kept());
    EXPECT_FALSE(Trace({options}).add(failed).kept());
}

TEST(Policies, LatencyIsFromTheFirstStartToTheLastEnd) {
    PolicyOptions options = a_policy(PolicyType::kLatency);
    options.threshold_ms = 10;
    otlp::Span later = a_span();
    later.set_start_time_unix_nano(1005 * kMs);
    later.set_end_time_unix_nano(1010 * kMs);
    EXPECT_FALSE(Trace({options}).add(a_span()).kept());
    EXPECT_TRUE(Trace({options}).add(later).add(a_span()).kept());
    options.upper_threshold_ms = 11;  // then the lower one is none of them
    EXPECT_FALSE(Trace({options}).add(later).add(a_span()).kept());
    options.threshold_ms = 9;
    EXPECT_TRUE(Trace({options}).add(later).add(a_span()).kept());
    later.set_end_time_unix_nano(1012 * kMs);
    EXPECT_FALSE(Trace({options}).add(later).add(a_span()).kept());
}

TEST(Policies, TextsOfSpansAndResources) {
    PolicyOptions options = a_policy(PolicyType::kStringAttribute);
    options.string_attribute.key = "region";
    options.string_attribute.values = {"north", "south"};
    otlp::Span south = a_span();
    attribute(south, "other").mutable_value()->set_string_value("north");
    EXPECT_FALSE(Trace({options}).add(south).kept());
    attribute(south, "region").mutable_value()->set_string_value("south");
    EXPECT_TRUE(Trace({options}).add(a_span()).add(south).kept());
    EXPECT_TRUE(Trace({options}, "shop", "north").add(a_span()).kept());
    EXPECT_FALSE(Trace({options}, "shop", "norther").add(a_span()).kept());
    options.string_attribute.enabled_regex_matching = true;
    EXPECT_TRUE(Trace({options}, "shop", "norther").add(a_span()).kept());
}

TEST(Policies, NumbersBetweenBounds) {
    PolicyOptions options = a_policy(PolicyType::kNumericAttribute);
    options.numeric_key = "code";
    options.min_value = 500;
    options.max_value = 599;
    const auto kept = [&](auto set) {
        otlp::Span span = a_span();
        set(*attribute(span, "code").mutable_value());
        return Trace({options}).add(span).kept();
    };
    EXPECT_TRUE(kept([](otlp::AnyValue& value) { value.set_int_value(500); }));
    EXPECT_TRUE(kept([](otlp::AnyValue& value) { value.set_int_value(599); }));
    EXPECT_TRUE(kept([](otlp::AnyValue& value) { value.set_double_value(500.5); }));
    EXPECT_FALSE(kept([](otlp::AnyValue& value) { value.set_int_value(499); }));
    EXPECT_FALSE(kept([](otlp::AnyValue& value) { value.set_int_value(-500); }));
    EXPECT_FALSE(kept([](otlp::AnyValue& value) { value.set_string_value("500"); }));
}

TEST(Policies, Booleans) {
    PolicyOptions options = a_policy(PolicyType::kBooleanAttribute);
    options.boolean_key = "cached";
    options.boolean_value = false;
    otlp::Span span = a_span();
    EXPECT_FALSE(Trace({options}).add(span).kept());
    attribute(span, "cached").mutable_value()->set_bool_value(false);
    EXPECT_TRUE(Trace({options}).add(span).kept());
    options.boolean_value = true;
    EXPECT_FALSE(Trace({options}).add(span).kept());
}

TEST(Policies, NamesAndServices) {
    PolicyOptions name = a_policy(PolicyType::kName, "name");
    name.span_name.values = {"^GET "};
    name.span_name.enabled_regex_matching = true;
    PolicyOptions service = a_policy(PolicyType::kService, "service");
    service.service.values = {"cart"};
    EXPECT_EQ(Trace({name, service}).add(a_span()).rule(), "name");
    EXPECT_EQ(Trace({name, service}, "cart").add(a_span("PUT")).rule(), "service");
    EXPECT_FALSE(Trace({name, service}).add(a_span("PUT")).kept());
}

TEST(Policies, ARateIsOfSpans) {
    PolicyOptions options = a_policy(PolicyType::kRateLimiting, "rate");
    options.spans_per_second = 10;
    Policies policies({options});
    Policies::Clock::time_point now{std::chrono::hours(1)};
    const auto kept = [&](uint32_t spans) {
        TraceState state;
        state.spans = spans;
        const Decision decision = policies.decide({}, state, now);
        EXPECT_EQ(decision.rule, 0);  // it has the say of what it drops, too
        return decision.keep;
    };
    EXPECT_TRUE(kept(6));
    EXPECT_FALSE(kept(6));
    EXPECT_TRUE(kept(4));
    EXPECT_FALSE(kept(1));
    now += std::chrono::milliseconds(500);
    EXPECT_FALSE(kept(6));
    EXPECT_TRUE(kept(5));
    now += std::chrono::hours(1);
    EXPECT_TRUE(kept(30));  // more than a second has: the next ones wait for it
    now += std::chrono::seconds(2);
    EXPECT_FALSE(kept(1));
    now += std::chrono::milliseconds(100);
    EXPECT_TRUE(kept(1));
}

// FNV-1a of 64 bits over "default-hash-seed" and 16 times "t" is 0x263191f4a867887d, 0.14919 of all: as the Collector
// places it.
TEST(Policies, AShareIsTheCollectors) {
    PolicyOptions options = a_policy(PolicyType::kProbabilistic, "share");
    options.sampling_percentage = 14.91;
    EXPECT_FALSE(Trace({options}).add(a_span()).kept());
    options.sampling_percentage = 14.92;
    EXPECT_TRUE(Trace({options}).add(a_span()).kept());
    options.hash_salt = "another";
    options.sampling_percentage = 50;
    EXPECT_EQ(Trace({options}).add(a_span()).rule(), "share");
}

TEST(Policies, AShareIsChosenByTheIdsOfTraces) {
    PolicyOptions options = a_policy(PolicyType::kProbabilistic, "share");
    const auto kept = [&options](uint64_t second) {
        TraceState state;
        return Policies({options}).decide({1, second}, state, {}).keep;
    };
    uint32_t kept_of_ten = 0, kept_of_half = 0;
    constexpr uint32_t kTraces = 2000;
    for (uint64_t i = 0; i < kTraces; ++i) {
        options.sampling_percentage = 10;
        const bool of_ten = kept(i);
        options.sampling_percentage = 50;
        const bool of_half = kept(i);
        EXPECT_TRUE(!of_ten || of_half) << "a larger share has the same ones, and more";
        kept_of_ten += of_ten;
        kept_of_half += of_half;
    }
    EXPECT_GT(kept_of_ten, kTraces / 20);
    EXPECT_LT(kept_of_ten, kTraces / 5);
    EXPECT_GT(kept_of_half, kTraces * 2 / 5);
    EXPECT_LT(kept_of_half, kTraces * 3 / 5);
    options.sampling_percentage = 100;
    EXPECT_TRUE(kept(0));
    options.sampling_percentage = 1e-9;
    EXPECT_FALSE(kept(0));
    EXPECT_EQ(Trace({options}).add(a_span()).rule(), "share");
}

TEST(TailSamplingOptions, WhatIsWrongWithThem) {
    TailSamplingOptions options;
    EXPECT_THAT(faults_of(options), ElementsAre("policies: there must be one"));
    options.policies = {a_policy(PolicyType::kAlwaysSample, "one"), a_policy(PolicyType::kNever, "one"),
                        a_policy(PolicyType::kNever, "no_policy"), a_policy(PolicyType::kNever, "")};
    EXPECT_THAT(faults_of(options),
                ElementsAre("policies[1].name: 'one' is taken", "policies[2].name: 'no_policy' is taken",
                            "policies[3]: must say name"));
    options.policies = {a_policy(PolicyType::kAlwaysSample)};
    EXPECT_THAT(faults_of(options), IsEmpty());
    for (const PolicyType type : {PolicyType::kStatusCode, PolicyType::kLatency, PolicyType::kStringAttribute,
                                  PolicyType::kNumericAttribute, PolicyType::kBooleanAttribute, PolicyType::kName,
                                  PolicyType::kService, PolicyType::kRateLimiting, PolicyType::kProbabilistic}) {
        options.policies = {a_policy(type)};
        EXPECT_EQ(faults_of(options).size(), 1u) << static_cast<int>(type);
    }
    PolicyOptions pattern = a_policy(PolicyType::kName);
    pattern.span_name.values = {"("};
    pattern.span_name.enabled_regex_matching = true;
    options.policies = {pattern};
    EXPECT_EQ(faults_of(options).size(), 1u);
}

}  // namespace
}  // namespace spanring::agent
