// SPDX-License-Identifier: Apache-2.0
//
// Which traces each policy keeps, and which of several has the say.
#include "decide/policies.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decide/duration_quantile.hpp"
#include "decide/fair_rate_policy.hpp"
#include "decide/learnt_latency_policy.hpp"
#include "decide/rate_limiting_policy.hpp"
#include "trace_kit.hpp"

namespace spanring::agent {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

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

TEST(Policies, FollowWhatTheRemoteParentDecided) {
    const std::vector<PolicyOptions> follow = {a_policy(PolicyType::kFollow, "follow"),
                                               a_policy(PolicyType::kAlwaysSample, "all")};
    const auto below = [](uint32_t flags) {
        otlp::Span span = a_span();
        span.set_parent_span_id(std::string(8, 'p'));
        span.set_flags(flags);
        return span;
    };
    EXPECT_EQ(Trace(follow).add(a_span()).rule(), "all") << "it begins here";
    EXPECT_EQ(Trace(follow).add(below(0x101)).rule(), "all") << "its parent is here";
    EXPECT_EQ(Trace(follow).add(below(0x201)).rule(), "all") << "nobody knows where its parent is";
    EXPECT_EQ(Trace(follow).add(a_span()).add(below(0x301)).rule(), "follow");
    EXPECT_TRUE(Trace(follow).add(below(0x301)).kept());
    EXPECT_EQ(Trace(follow).add(below(0x300)).rule(), "follow");
    EXPECT_FALSE(Trace(follow).add(below(0x300)).kept());
    EXPECT_TRUE(Trace(follow).add(below(0x300)).add(below(0x301)).kept());
    otlp::Span odd = below(0x300);
    odd.set_dropped_links_count(1);
    odd.mutable_status()->set_code(otlp::Status::OK);
    EXPECT_FALSE(Trace(follow).add(odd).kept()) << "whatever stands before the flags";
    otlp::Span root = a_span();
    root.set_flags(0x300);
    EXPECT_EQ(Trace(follow).add(root).rule(), "all") << "without a parent there is none that is remote";
}

TEST(Policies, AnOperationIsOfTheSpanThatStartedFirst) {
    PolicyOptions fair = a_policy(PolicyType::kFairRate);
    fair.traces_per_second = 1;
    otlp::Span first = a_span("first"), second = a_span("second");
    second.set_start_time_unix_nano(first.start_time_unix_nano() + 1);
    const TraceState alone = Trace({fair}).add(first).state();
    EXPECT_NE(alone.operation, Trace({fair}).add(second).state().operation);
    EXPECT_EQ(alone.operation, Trace({fair}).add(first).add(second).state().operation);
    EXPECT_EQ(alone.operation, Trace({fair}).add(second).add(first).state().operation);
    EXPECT_NE(alone.operation, Trace({fair}, "cart").add(first).state().operation);
    EXPECT_NE(alone.service, Trace({fair}, "cart").add(first).state().service);
    TraceState joined = Trace({fair}).add(second).state();
    joined.add(alone);
    EXPECT_EQ(joined.operation, alone.operation);
    joined.add(Trace({fair}).add(second).state());
    EXPECT_EQ(joined.operation, alone.operation);
    EXPECT_EQ(Trace({a_policy(PolicyType::kFollow)}).add(first).state().operation, 0u) << "nobody asks for it";
}

// What a policy says of traces that come one after another.
class PolicyTest : public testing::Test {
protected:
    bool keeps(Policy& policy, uint64_t operation, uint64_t nanoseconds = 0, uint32_t more_spans = 0) {
        TraceState state;
        state.owner = owner_;
        state.spans = more_spans;
        state.service = operation / 10;
        state.operation = operation;
        state.add(kMs, kMs + nanoseconds);
        const TraceFacts facts{key_, state, false, now_};
        policy.learn(facts);
        const PolicyAnswer answer = policy.answer(facts);
        EXPECT_NE(answer, PolicyAnswer::kDrop);
        return answer == PolicyAnswer::kKeep;
    }
    int kept_of(Policy& policy, int traces, uint64_t operation, uint64_t nanoseconds = 0) {
        int kept = 0;
        for (int i = 0; i < traces; ++i) kept += keeps(policy, operation, nanoseconds) ? 1 : 0;
        return kept;
    }

    TraceKey key_;
    uint16_t owner_ = 1;
    std::chrono::steady_clock::time_point now_{std::chrono::hours(1)};
};

TEST_F(PolicyTest, ARateIsSharedFairly) {
    FairRatePolicy policy(100, true);
    EXPECT_EQ(kept_of(policy, 1000, 1), 100) << "alone";
    EXPECT_EQ(kept_of(policy, 10, 2), 0) << "nothing is left of this second";
    now_ += std::chrono::seconds(1);
    // By what came in the second before: 1000 and 10.
    EXPECT_EQ(kept_of(policy, 1000, 1), 90);
    EXPECT_EQ(kept_of(policy, 20, 2), 10) << "it has more now";
    EXPECT_EQ(kept_of(policy, 500, 3), 0);
    now_ += std::chrono::seconds(1);
    // 1000, 20, 500.
    EXPECT_EQ(kept_of(policy, 1000, 1), 40);
    EXPECT_EQ(kept_of(policy, 500, 3), 40);
    EXPECT_EQ(kept_of(policy, 20, 2), 20);
    now_ += std::chrono::seconds(1);
    EXPECT_EQ(kept_of(policy, 30, 2), 30);
    now_ += std::chrono::seconds(1);
    EXPECT_EQ(kept_of(policy, 1000, 2), 100) << "alone again";
}

TEST_F(PolicyTest, ServicesShareWhateverOperationsTheyHave) {
    FairRatePolicy policy(10, false);
    for (uint64_t operation = 10; operation < 19; ++operation) kept_of(policy, 10, operation);
    kept_of(policy, 10, 21);
    now_ += std::chrono::seconds(1);
    int first = 0;
    for (uint64_t operation = 10; operation < 19; ++operation) first += kept_of(policy, 10, operation);
    EXPECT_EQ(first, 5);
    EXPECT_EQ(kept_of(policy, 10, 21), 5);
}

TEST_F(PolicyTest, MoreSharersThanARateHasTracesAndThanItKnows) {
    FairRatePolicy policy(50, true);
    for (int second = 0; second < 3; ++second, now_ += std::chrono::seconds(1)) {
        int kept = 0;
        for (uint64_t operation = 0; operation < 3 * FairRatePolicy::kMostSharers; ++operation)
            kept += keeps(policy, operation) ? 1 : 0;
        EXPECT_EQ(kept, 50);
    }
}

TEST_F(PolicyTest, WhereThereIsLessThanOneForEachNobodyTakesTheOthersShare) {
    FairRatePolicy policy(3, true);
    for (uint64_t operation = 0; operation < 10; ++operation) keeps(policy, operation);
    now_ += std::chrono::seconds(1);
    for (uint64_t operation = 0; operation < 3; ++operation) EXPECT_EQ(kept_of(policy, 100, operation), 1);
}

// However many services another one has.
TEST_F(PolicyTest, AUserHasAShareOfTheRate) {
    FairRatePolicy policy(100, true);
    for (int second = 0; second < 3; ++second, now_ += std::chrono::seconds(1)) {
        int kept = 0;
        owner_ = 1;
        for (uint64_t operation = 0; operation < 5 * FairRatePolicy::kMostSharers; ++operation)
            kept += keeps(policy, operation) ? 1 : 0;
        owner_ = 2;
        const int other = kept_of(policy, 30, 1);
        EXPECT_EQ(kept, second == 0 ? 100 : 70);
        EXPECT_EQ(other, second == 0 ? 0 : 30);
    }
}

TEST_F(PolicyTest, UsersShareARateOfSpans) {
    RateLimitingPolicy policy(100);
    for (int second = 0; second < 3; ++second, now_ += std::chrono::seconds(1)) {
        owner_ = 1;
        EXPECT_EQ(kept_of(policy, 1000, 1), second == 0 ? 100 : 70);
        owner_ = 2;
        EXPECT_EQ(kept_of(policy, 30, 1), second == 0 ? 0 : 30);
    }
    owner_ = 1;
    EXPECT_TRUE(keeps(policy, 1, 0, 10'000));
    owner_ = 2;
    EXPECT_EQ(kept_of(policy, 30, 1), 30);
    now_ += std::chrono::seconds(1);
    EXPECT_EQ(kept_of(policy, 30, 1), 30) << "what a large trace owes is that user's";
    for (int second = 0; second < 3; ++second) {
        now_ += std::chrono::seconds(1);
        EXPECT_EQ(kept_of(policy, 1000, 1), second == 0 ? 30 : 50) << "the other half is paid back";
        owner_ = 1;
        EXPECT_FALSE(second == 2 && keeps(policy, 1)) << "and is not forgotten";
        owner_ = 2;
    }
    now_ += std::chrono::seconds(300);
    keeps(policy, 1);
    now_ += std::chrono::seconds(1);
    EXPECT_EQ(kept_of(policy, 1000, 1), 100) << "alone again";
}

// Silent while they pay back what was large, each by himself.
TEST_F(PolicyTest, UsersWithLargeTracesTogetherHaveNoMoreThanTheRate) {
    RateLimitingPolicy policy(100);
    constexpr int kUsers = 10, kSeconds = 3000, kSpans = 1000;
    int kept = 0;
    for (int second = 0; second < kSeconds; ++second, now_ += std::chrono::seconds(1)) {
        owner_ = static_cast<uint16_t>(second % kUsers);
        kept += keeps(policy, 1, 0, kSpans - 1) ? kSpans : 0;
    }
    EXPECT_LE(kept, 100 * kSeconds + kUsers * kSpans);
    EXPECT_GE(kept, 100 * kSeconds / 2);
}

// Nor does what they say of their operations change what is usual for another one's.
TEST_F(PolicyTest, WhatOneUserSaysIsNotLearntOfAnothersOperations) {
    LearntLatencyPolicy policy(0.9, 0);
    for (uint64_t operation = 0; operation < 5 * LearntLatencyPolicy::kMostOperations; ++operation)
        keeps(policy, operation, 1000 * kMs);
    owner_ = 2;
    for (int i = 0; i < 2000; ++i) keeps(policy, 1, (10 + i % 10) * kMs);
    owner_ = 1;
    for (int i = 0; i < 2000; ++i) keeps(policy, 1, 1000 * kMs);
    owner_ = 2;
    EXPECT_TRUE(keeps(policy, 1, 30 * kMs));
    EXPECT_FALSE(keeps(policy, 1, 15 * kMs));
}

TEST_F(PolicyTest, WhatIsUnusualIsLearnt) {
    LearntLatencyPolicy policy(0.9, 0);
    EXPECT_FALSE(keeps(policy, 1, 1000 * kMs)) << "nothing is known yet";
    for (int i = 0; i < 2000; ++i) keeps(policy, 1, (10 + i % 10) * kMs);
    for (int i = 0; i < 2000; ++i) keeps(policy, 2, (1000 + i % 10) * kMs);
    EXPECT_TRUE(keeps(policy, 1, 30 * kMs));
    EXPECT_FALSE(keeps(policy, 1, 15 * kMs));
    EXPECT_FALSE(keeps(policy, 2, 1000 * kMs));
    EXPECT_TRUE(keeps(policy, 2, 1500 * kMs));
    for (int i = 0; i < 20'000; ++i) keeps(policy, 1, (100 + i % 10) * kMs);
    EXPECT_FALSE(keeps(policy, 1, 90 * kMs)) << "it has become usual";

    LearntLatencyPolicy bounded(0.9, 500);
    for (int i = 0; i < 2000; ++i) keeps(bounded, 1, 10 * kMs);
    EXPECT_FALSE(keeps(bounded, 1, 400 * kMs));
    EXPECT_TRUE(keeps(bounded, 1, 500 * kMs));
}

TEST_F(PolicyTest, OperationsThatFindNoPlaceLearnTogether) {
    LearntLatencyPolicy policy(0.5, 0);
    for (uint64_t operation = 0; operation < LearntLatencyPolicy::kMostOperations; ++operation)
        keeps(policy, operation);
    for (uint64_t operation = 10'000; operation < 11'000; ++operation) keeps(policy, operation, 10 * kMs);
    EXPECT_TRUE(keeps(policy, 99'999, 20 * kMs));
    EXPECT_FALSE(keeps(policy, 5, 20 * kMs)) << "of this one little is known";
}

TEST_F(PolicyTest, WhereTheUsualIsTooLongToBeToldApartNothingIsUnusual) {
    LearntLatencyPolicy policy(0.9, 0);
    constexpr uint64_t kHours = 3'600'000 * kMs;
    EXPECT_EQ(kept_of(policy, 2000, 1, 2 * kHours), 0);
    EXPECT_FALSE(keeps(policy, 1, 3 * kHours));
}

TEST(DurationQuantileTest, IsWithinAnEighthAbove) {
    for (const double quantile : {0.5, 0.9, 0.99, 0.999}) {
        for (const uint64_t scale : {uint64_t{3'000}, 5 * kMs, 90'000 * kMs}) {
            DurationQuantile usual;
            std::vector<uint64_t> all;
            uint64_t random = 1;
            for (int i = 0; i < 6400; ++i) {
                random = random * 6364136223846793005 + 1442695040888963407;
                const double part = static_cast<double>(random >> 33) / static_cast<double>(uint64_t{1} << 31);
                all.push_back(scale + static_cast<uint64_t>(part * 4 * static_cast<double>(scale)));
                usual.add(all.back(), quantile);
            }
            std::sort(all.begin(), all.end());
            const auto place = static_cast<size_t>(quantile * static_cast<double>(all.size()) + 0.5) - 1;
            EXPECT_GE(usual.bound(), all[place]) << quantile << " of " << scale;
            EXPECT_LE(usual.bound(), all[place] + all[place] / 8 + all[place] / 100) << quantile << " of " << scale;
        }
    }
}

TEST(DurationQuantileTest, SaysNothingOfWhatItHasNotSeen) {
    DurationQuantile usual;
    for (uint32_t i = 0; i < 900; ++i) usual.add(kMs, 0.999);
    EXPECT_EQ(usual.bound(), UINT64_MAX) << "one in a thousand has not come yet";
    for (const uint64_t odd : {uint64_t{0}, UINT64_MAX}) {
        DurationQuantile of_odd;
        for (uint32_t i = 0; i < 3 * DurationQuantile::kForgotten; ++i) of_odd.add(odd, 0.5);
        EXPECT_EQ(of_odd.bound() == UINT64_MAX, odd != 0) << "what is longer than it can tell has no bound";
    }
}

TEST(Policies, SayWhatIsWrong) {
    PolicyOptions latency = a_policy(PolicyType::kLatency);
    latency.above_quantile = 0.99;
    EXPECT_EQ(wrong_policy(latency), "");
    latency.threshold_ms = 5;
    EXPECT_EQ(wrong_policy(latency), "");
    latency.upper_threshold_ms = 50;
    EXPECT_NE(wrong_policy(latency), "");
    latency.upper_threshold_ms = 0;
    latency.above_quantile = 1;
    EXPECT_NE(wrong_policy(latency), "");
    EXPECT_NE(wrong_policy(a_policy(PolicyType::kFairRate)), "");
    EXPECT_EQ(wrong_policy(a_policy(PolicyType::kFollow)), "");
}

}  // namespace
}  // namespace spanring::agent
