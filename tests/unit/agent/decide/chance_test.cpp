// SPDX-License-Identifier: Apache-2.0
//
// Which traces are kept by chance, and what their spans say of it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "decide/chance_writer.hpp"
#include "decide/policies.hpp"
#include "otlp.pb.h"

namespace spanring::agent {
namespace {

namespace otlp = spanring::otlp;

constexpr uint64_t kSixteenth = uint64_t{1} << 52;

PolicyOptions share(double percentage, ChanceMode mode, const std::string& name = "share") {
    PolicyOptions options;
    options.name = name;
    options.type = PolicyType::kProbabilistic;
    options.sampling_percentage = percentage;
    options.chance = mode;
    return options;
}
PolicyOptions of_type(PolicyType type) {
    PolicyOptions options;
    options.name = "other";
    options.type = type;
    options.status_codes = {"ERROR"};
    options.spans_per_second = 1'000'000;
    return options;
}

// So many sixteenths and a half of its trace are random.
otlp::Span of(unsigned sixteenth, const std::string& trace_state = {}) {
    otlp::Span span;
    std::string id(16, '\x08');
    id[9] = static_cast<char>(sixteenth << 4 | 8);
    span.set_trace_id(id);
    span.set_span_id(std::string(8, 's'));
    span.set_trace_state(trace_state);
    span.set_name("work");
    span.set_start_time_unix_nano(1);
    span.set_end_time_unix_nano(2);
    return span;
}

struct Decided {
    bool keep;
    Chance chance;
    std::string rule;
};

Decided decide(const std::vector<PolicyOptions>& options, const std::vector<otlp::Span>& spans) {
    Policies policies(options);
    TraceState state;
    TraceKey key;
    for (const otlp::Span& span : spans) {
        const std::string bytes = span.SerializeAsString();
        JudgedSpan judged;
        EXPECT_TRUE(policies.read({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, {}, false, judged));
        key = judged.trace;
        policies.add(judged, {}, state);
    }
    const Decision decision = policies.decide(key, state, {});
    return {decision.keep, policies.chance_of(decision), policies.names()[decision.rule]};
}

std::string written(const otlp::Span& span, std::optional<uint64_t> threshold, bool begins_state) {
    const std::string bytes = span.SerializeAsString();
    ChanceWriter writer;
    if (!writer.take({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, {threshold, begins_state}))
        return "as it was";
    std::string record(writer.record_size(), '\0');
    writer.write_record(reinterpret_cast<uint8_t*>(record.data()));
    otlp::ScopeSpans around;
    EXPECT_TRUE(around.ParseFromString(record));
    EXPECT_EQ(around.ByteSizeLong(), record.size());
    otlp::Span expected = span;
    expected.set_trace_state(around.spans(0).trace_state());
    EXPECT_EQ(around.spans(0).SerializeAsString(), expected.SerializeAsString()) << "all else is as it was";
    return around.spans(0).trace_state();
}

TEST(Chance, EqualizingIsByWhatIsRandomOfTheTrace) {
    const std::vector<PolicyOptions> quarter = {share(25, ChanceMode::kEqualizing)};
    EXPECT_FALSE(decide(quarter, {of(11)}).keep);
    const Decided kept = decide(quarter, {of(12)});
    EXPECT_TRUE(kept.keep);
    EXPECT_EQ(kept.chance.threshold, 12 * kSixteenth);
    EXPECT_TRUE(kept.chance.begins_state);
    EXPECT_TRUE(decide(quarter, {of(3, "ot=rv:c0000000000000")}).keep);
    EXPECT_FALSE(decide(quarter, {of(15, "ot=rv:bfffffffffffff")}).keep);
    EXPECT_TRUE(decide(quarter, {of(3), of(3, "a=1,ot=rv:c0000000000000")}).keep) << "one of them says it";
}

TEST(Chance, AHashDoesNotContradictWhatWasDecidedBefore) {
    const std::vector<PolicyOptions> half = {share(50, ChanceMode::kHashSeed)};
    for (unsigned i = 0; i < 16; ++i) {
        EXPECT_EQ(decide(half, {of(i, "ot=th:0")}).keep, i >= 8) << i;
        EXPECT_EQ(decide(half, {of(i), of(i, "ot=th:4")}).keep, i >= 8) << i;
        EXPECT_EQ(decide(half, {of(i, "ot=x:1,b=th:0")}).keep, decide(half, {of(i)}).keep) << "they say nothing of it";
        EXPECT_EQ(decide(half, {of(i, "ot=th:nothing")}).keep, decide(half, {of(i)}).keep) << "nor does this";
    }
    EXPECT_FALSE(decide({share(100, ChanceMode::kHashSeed)}, {of(3)}).chance.begins_state);
}

TEST(Chance, WhatIsKeptAnywayIsNotKeptByChance) {
    const PolicyOptions quarter = share(25, ChanceMode::kEqualizing), half = share(50, ChanceMode::kEqualizing, "half");
    const PolicyOptions errors = of_type(PolicyType::kStatusCode);
    otlp::Span failed = of(12);
    failed.mutable_status()->set_code(otlp::Status::ERROR);
    EXPECT_EQ(decide({errors, quarter}, {failed}).chance.threshold, std::nullopt);
    EXPECT_EQ(decide({quarter, errors}, {failed}).chance.threshold, std::nullopt);
    EXPECT_EQ(decide({quarter, errors}, {failed}).rule, "share");
    EXPECT_EQ(decide({quarter, errors}, {of(12)}).chance.threshold, 12 * kSixteenth);
    EXPECT_EQ(decide({quarter, half}, {of(12)}).chance.threshold, 8 * kSixteenth) << "the larger share has it, too";
    EXPECT_EQ(decide({half, quarter}, {of(12)}).chance.threshold, 8 * kSixteenth);
    EXPECT_EQ(decide({quarter, half}, {of(9)}).chance.threshold, 8 * kSixteenth);
    EXPECT_EQ(decide({quarter, of_type(PolicyType::kNever), half}, {of(12)}).chance.threshold, 12 * kSixteenth);
    EXPECT_EQ(decide({quarter, of_type(PolicyType::kRateLimiting)}, {of(12)}).chance.threshold, 12 * kSixteenth);
    EXPECT_FALSE(decide({quarter}, {of(3)}).keep);
    EXPECT_EQ(decide({quarter}, {of(3)}).chance.threshold, std::nullopt);
}

TEST(Chance, SpansSayItAsTheyMay) {
    EXPECT_EQ(written(of(12), 8 * kSixteenth, true), "ot=th:8");
    EXPECT_EQ(written(of(12), 8 * kSixteenth, false), "as it was") << "nobody asked it to begin with that";
    EXPECT_EQ(written(of(12), std::nullopt, true), "as it was");
    EXPECT_EQ(written(of(12, "a=1,ot=th:4;x:2"), 8 * kSixteenth, false), "ot=th:8;x:2,a=1");
    EXPECT_EQ(written(of(12, "ot=th:c"), 8 * kSixteenth, true), "as it was") << "never more likely than it was";
    EXPECT_EQ(written(of(12, "ot=th:8"), 8 * kSixteenth, true), "as it was");
    EXPECT_EQ(written(of(3, "ot=rv:90000000000000"), 8 * kSixteenth, true), "ot=rv:90000000000000;th:8");
    EXPECT_EQ(written(of(7), 8 * kSixteenth, true), "as it was") << "what is random of it says otherwise";
    EXPECT_EQ(written(of(9, "ot=th:c"), 8 * kSixteenth, true), "ot=th:8") << "it cannot have been sampled at that";
    EXPECT_EQ(written(of(12, "malformed"), 8 * kSixteenth, true), "as it was");
    EXPECT_EQ(written(of(12), 0, true), "ot=th:0");
}

TEST(Chance, DecisionsByAnotherShareMeanSomethingElse) {
    const auto meanings = [](double percentage) {
        return Policies({share(percentage, ChanceMode::kEqualizing), of_type(PolicyType::kStatusCode)}).meanings();
    };
    EXPECT_EQ(meanings(25), meanings(25));
    EXPECT_NE(meanings(25), meanings(26));
    EXPECT_EQ(meanings(25).size(), 3u);
    EXPECT_EQ(meanings(25)[1], "other");
}

}  // namespace
}  // namespace spanring::agent
