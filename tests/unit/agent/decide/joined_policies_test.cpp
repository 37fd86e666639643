// SPDX-License-Identifier: Apache-2.0
//
// Conditions as policies, and policies of policies.
#include "decide/joined_policies.hpp"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trace_kit.hpp"

namespace spanring::agent {
namespace {

using namespace test;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

PolicyOptions condition(std::vector<std::string> conditions, const std::string& name = "condition") {
    PolicyOptions options = a_policy(PolicyType::kCondition, name);
    options.conditions = std::move(conditions);
    return options;
}

PolicyOptions joined(PolicyType type, std::vector<PolicyOptions> parts, const std::string& name = "joined") {
    PolicyOptions options = a_policy(type, name);
    options.parts = std::move(parts);
    return options;
}

PolicyOptions named(const std::string& span_name) {
    return condition({"name == \"" + span_name + "\""}, "named " + span_name);
}

PolicyOptions rate(uint32_t spans) {
    PolicyOptions options = a_policy(PolicyType::kRateLimiting, "rate");
    options.spans_per_second = spans;
    return options;
}

PolicyOptions share(double percentage) {
    PolicyOptions options = a_policy(PolicyType::kProbabilistic, "share");
    options.sampling_percentage = percentage;
    return options;
}

TEST(ConditionPolicy, OneSpanOfTheTraceAgrees) {
    const PolicyOptions both = condition({R"(name == "a" and resource.attributes["region"] == "north")"});
    EXPECT_TRUE(Trace({both}, "shop", "north").add(a_span("b")).add(a_span("a")).kept());
    EXPECT_FALSE(Trace({both}, "shop", "south").add(a_span("a")).kept());
    EXPECT_FALSE(Trace({both}, "shop", "north").add(a_span("b")).kept());
    otlp::Span span = a_span("a");
    attribute(span, "items").mutable_value()->set_int_value(17);
    span.mutable_status()->set_message("bad");
    EXPECT_TRUE(Trace({condition({R"(attributes["items"] > 16.5)"})}).add(span).kept());
    EXPECT_TRUE(Trace({condition({R"(status.message == "bad")"})}).add(span).kept());
    EXPECT_TRUE(Trace({condition({"false", "IsRootSpan()"})}).add(span).kept());
    EXPECT_TRUE(Trace({condition({R"(trace_id.string == "74747474747474747474747474747474")"})}).add(span).kept());
}

TEST(ConditionPolicy, EachHasItsOwnAnswersAboutTheResource) {
    const auto of = [](const std::string& region, const std::string& name) {
        return condition({"resource.attributes[\"region\"] == \"" + region + "\""}, name);
    };
    const std::vector<PolicyOptions> options = {of("north", "n"), named("z"), of("south", "s")};
    EXPECT_EQ(Trace(options, "shop", "north").add(a_span()).rule(), "n");
    EXPECT_EQ(Trace(options, "shop", "south").add(a_span()).rule(), "s");
    EXPECT_EQ(Trace(options, "shop", "east").add(a_span()).rule(), Policies::kNoPolicy);
    const PolicyOptions fails = condition({R"(HasPrefix(resource.attributes["none"], "a"))", "true"});
    EXPECT_TRUE(Trace({fails}).add(a_span()).kept());
    PolicyOptions strict = fails;
    strict.error_mode = ConditionErrors::kPropagate;
    EXPECT_FALSE(Trace({strict}).add(a_span()).kept());
}

TEST(ConditionPolicy, ThereIsRoomForSoManyQuestions) {
    TailSamplingOptions options;
    std::string many = "resource.attributes[\"a\"] == 1";
    for (int i = 1; i < 16; ++i) many += " or resource.attributes[\"a\"] == 1";
    options.policies = {condition({many}, "one"), condition({many}, "two")};
    EXPECT_TRUE(faults_of(options).empty());
    options.policies.push_back(condition({"resource.attributes[\"a\"] == 1"}, "three"));
    EXPECT_THAT(faults_of(options), ElementsAre(HasSubstr("at most 32 comparisons and functions look at a resource")));
}

TEST(AndPolicy, AllOfItsPartsWantTheTrace) {
    const PolicyOptions both = joined(PolicyType::kAnd, {named("a"), named("b")});
    EXPECT_TRUE(Trace({both}).add(a_span("a")).add(a_span("b")).kept()) << "by two of its spans";
    EXPECT_FALSE(Trace({both}).add(a_span("a")).kept());
    EXPECT_EQ(Trace({both, a_policy(PolicyType::kAlwaysSample, "all")}).add(a_span("a")).rule(), "all")
        << "it says nothing against it";
    const PolicyOptions never = joined(PolicyType::kAnd, {a_policy(PolicyType::kNever)});
    EXPECT_EQ(Trace({never, a_policy(PolicyType::kAlwaysSample, "all")}).add(a_span("a")).rule(), "all");
}

TEST(AndPolicy, ABudgetIsSpentOnWhatThePartsBeforeWant) {
    Trace trace({joined(PolicyType::kAnd, {named("a"), rate(1)})});
    trace.add(a_span("b"));
    EXPECT_EQ(trace.rule(), Policies::kNoPolicy);
    trace.add(a_span("a"));
    EXPECT_TRUE(trace.kept());
    EXPECT_FALSE(trace.kept()) << "the second is spent";
    EXPECT_EQ(trace.rule(), "joined") << "and it is said who dropped it";
}

TEST(AndPolicy, SaysHowLikelyItWas) {
    Policies policies({joined(PolicyType::kAnd, {share(50), share(10)})});
    EXPECT_THAT(policies.meanings(), ElementsAre(HasSubstr("joined "), Policies::kNoPolicy));
    Policies alone({share(10)});
    EXPECT_EQ(policies.chance_of({true, 0, 0, 1}).threshold, alone.chance_of({true, 0, 0, 1}).threshold);
    EXPECT_FALSE(Policies({joined(PolicyType::kNot, {share(10)})}).chance_of({true, 0, 0, 1}).threshold);
}

TEST(NotPolicy, KeepsWhatItsPartDoesNot) {
    const PolicyOptions other = joined(PolicyType::kNot, {named("a")});
    EXPECT_FALSE(Trace({other}).add(a_span("a")).add(a_span("b")).kept());
    EXPECT_TRUE(Trace({other}).add(a_span("b")).kept());
    const PolicyOptions nested = joined(PolicyType::kAnd, {named("b"), other});
    EXPECT_TRUE(Trace({nested}).add(a_span("b")).kept());
    EXPECT_FALSE(Trace({nested}).add(a_span("b")).add(a_span("a")).kept());
}

TEST(DropPolicy, GoesBeforeAllOthers) {
    const std::vector<PolicyOptions> options = {a_policy(PolicyType::kAlwaysSample, "all"),
                                                joined(PolicyType::kDrop, {named("a"), named("b")}, "noise")};
    EXPECT_EQ(Trace(options).add(a_span("a")).rule(), "all");
    Trace both(options);
    both.add(a_span("a")).add(a_span("b"));
    EXPECT_EQ(both.rule(), "noise");
    EXPECT_FALSE(both.kept());
}

TEST(CompositePolicy, ThePartsHaveTheirRates) {
    PolicyOptions composite =
        joined(PolicyType::kComposite, {named("a"), a_policy(PolicyType::kAlwaysSample, "rest"), named("c")});
    composite.max_total_spans_per_second = 4;
    composite.rates = {{"named a", 50}, {"rest", 25}};
    Policies policies({composite});
    const auto keeps = [&](const std::string& name, seconds when) {
        const std::string bytes = a_span(name).SerializeAsString();
        JudgedSpan judged;
        EXPECT_TRUE(policies.read({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, {}, false, judged));
        TraceState state;
        policies.add(judged, {}, state);
        return policies.decide(judged.trace, state, Policies::Clock::time_point(when)).keep;
    };
    EXPECT_TRUE(keeps("a", seconds(1)) && keeps("a", seconds(1)));
    EXPECT_FALSE(keeps("a", seconds(1))) << "half of four, and no part after it is asked";
    EXPECT_TRUE(keeps("b", seconds(1)));
    EXPECT_FALSE(keeps("b", seconds(1)));
    EXPECT_TRUE(keeps("a", seconds(2)) && keeps("b", seconds(2)));
    EXPECT_FALSE(keeps("b", seconds(2)));
}

TEST(CompositePolicy, PartsAreAskedInTheOrderThatIsGiven) {
    PolicyOptions composite = joined(PolicyType::kComposite, {a_policy(PolicyType::kAlwaysSample, "rest"), named("a")});
    composite.max_total_spans_per_second = 10;
    composite.rates = {{"named a", 100}};
    EXPECT_FALSE(Trace({composite}).add(a_span("a")).kept()) << "the first one has no rate";
    composite.policy_order = {"named a"};
    EXPECT_TRUE(Trace({composite}).add(a_span("a")).kept());
    EXPECT_FALSE(Trace({composite}).add(a_span("b")).kept());
    composite.rates = {{"named a", 0}, {"rest", 0}};
    EXPECT_TRUE(Trace({composite}).add(a_span("b")).kept()) << "equal shares";
    composite.parts[0].name = "";
    EXPECT_THAT(wrong_policy(composite), HasSubstr("composite_sub_policy[0]: must say name"));
    composite.parts[0].name = "named a";
    EXPECT_THAT(wrong_policy(composite), HasSubstr("composite_sub_policy[1].name: 'named a' is taken"));
}

TEST(JoinedPolicies, HaveRoomForSoManyParts) {
    TailSamplingOptions options;
    std::vector<PolicyOptions> parts(63, a_policy(PolicyType::kAlwaysSample));
    options.policies = {joined(PolicyType::kAnd, parts), a_policy(PolicyType::kNever, "last")};
    EXPECT_TRUE(faults_of(options).empty());
    EXPECT_EQ(Policies(options.policies).marks(), 64u);
    options.policies.push_back(a_policy(PolicyType::kNever, "one more"));
    EXPECT_THAT(faults_of(options), ElementsAre(HasSubstr("there are more than 64")));
}

TEST(JoinedPolicies, PartsLearnAndAskForOperations) {
    PolicyOptions fair = a_policy(PolicyType::kFairRate, "fair");
    fair.traces_per_second = 1;
    const PolicyOptions both = joined(PolicyType::kAnd, {named("a"), fair});
    EXPECT_NE(Trace({both}).add(a_span("a")).state().operation, 0u);
    PolicyOptions usual = a_policy(PolicyType::kLatency, "usual");
    usual.above_quantile = 0.9;
    PolicyMaker maker;
    const MarkedPolicy made = maker.make(joined(PolicyType::kNot, {joined(PolicyType::kAnd, {usual})}));
    EXPECT_TRUE(made.policy->learns());
    EXPECT_FALSE(made.policy->has_budget());
    EXPECT_TRUE(maker.make(both).policy->has_budget());
}

}  // namespace
}  // namespace spanring::agent
