// SPDX-License-Identifier: Apache-2.0
//
// Which rules stand as their file changes, and what policies make of them.
#include "decide/live_rules.hpp"

#include <chrono>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "decide/policies.hpp"
#include "decide/rule_shares.hpp"
#include "decide/tail_sampling_options.hpp"
#include "otlp.pb.h"
#include "sampling/live_rules_file.hpp"
#include "support/captured_log.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

namespace otlp = spanring::otlp;

constexpr std::chrono::milliseconds kRest{1000};
constexpr uint64_t kMs = 1'000'000;

LiveRule a_rule(const std::string& name, RuleAction action = RuleAction::kKeep, double value = 0) {
    LiveRule rule;
    rule.name = name;
    rule.action = action;
    rule.value = value;
    return rule;
}

otlp::Span a_span(const std::string& name, char id = 't') {
    otlp::Span span;
    span.set_trace_id(std::string(16, id));
    span.set_span_id(std::string(8, 's'));
    span.set_name(name);
    span.set_start_time_unix_nano(1000 * kMs);
    span.set_end_time_unix_nano(1007 * kMs);
    return span;
}

template <class Message>
void add(Message& to, const std::string& key, const std::string& value) {
    otlp::KeyValue& attribute = *to.add_attributes();
    attribute.set_key(key);
    attribute.mutable_value()->set_string_value(value);
}

class LiveRulesTest : public ::testing::Test {
protected:
    LiveRules make() {
        return LiveRules(directory_.path(), kRuleSlots, kRest,
                         [this](const std::string& name) { named_.push_back(name); });
    }
    static std::vector<std::string> names(const LiveRules& rules) {
        std::vector<std::string> names;
        for (const auto& standing : rules.rules()->rules) names.push_back(standing.rule.name);
        return names;
    }

    test::CapturedLog log_;
    spanring::test::TemporaryDirectory directory_;
    LiveRulesFile file_{directory_.path()};
    std::vector<std::string> named_;
};

TEST_F(LiveRulesTest, FollowTheirFile) {
    LiveRules rules = make();
    rules.follow(1);
    EXPECT_THAT(names(rules), IsEmpty());
    const uint64_t before = rules.generation();
    file_.replace({a_rule("a"), a_rule("b")});
    rules.follow(2);
    EXPECT_THAT(names(rules), ElementsAre("a", "b"));
    EXPECT_GT(rules.generation(), before);
    EXPECT_EQ(rules.rules()->generation, rules.generation());
    EXPECT_THAT(named_, ElementsAre("a", "b")) << "before they stand";
    EXPECT_EQ(log_.count("rule a holds from now on: any: keep"), 1u);
    const uint64_t same = rules.generation();
    rules.follow(3);
    EXPECT_EQ(rules.generation(), same);
    file_.replace({a_rule("b")});
    rules.follow(4);
    EXPECT_THAT(names(rules), ElementsAre("b"));
    EXPECT_EQ(rules.rules()->rules[0].slot, 1u);
    EXPECT_EQ(log_.count("rule a does not hold any more"), 1u);
}

TEST_F(LiveRulesTest, AWrongFileChangesNothing) {
    LiveRules rules = make();
    file_.replace({a_rule("a")});
    rules.follow(1);
    std::ofstream(file_.path()) << R"({"rules": [{"name": "b"}]})";
    rules.follow(2);
    rules.follow(3);
    EXPECT_THAT(names(rules), ElementsAre("a"));
    EXPECT_THAT(rules.problem(), HasSubstr("rules.json: rules[0]: does not say what is to become of a trace"));
    EXPECT_EQ(log_.count("the rules stay as they are"), 1u);
    file_.replace({a_rule("a")});
    rules.follow(4);
    EXPECT_EQ(rules.problem(), "");
    EXPECT_THAT(names(rules), ElementsAre("a"));
}

TEST_F(LiveRulesTest, EndWhenTheirTimeIsOver) {
    LiveRules rules = make();
    LiveRule for_a_while = a_rule("a");
    for_a_while.until_unix_nano = 10;
    file_.replace({for_a_while, a_rule("b")});
    rules.follow(9);
    EXPECT_THAT(names(rules), ElementsAre("a", "b"));
    std::ofstream(file_.path()) << "{";  // whatever is in the file then
    rules.follow(10);
    EXPECT_THAT(names(rules), ElementsAre("b"));
    file_.replace({for_a_while, a_rule("b")});
    rules.follow(11);
    EXPECT_THAT(names(rules), ElementsAre("b")) << "nor do they come back with the next agent";
}

TEST_F(LiveRulesTest, TheNextAgentKnowsTheirPlaces) {
    {
        LiveRules rules = make();
        file_.replace({a_rule("a"), a_rule("b", RuleAction::kProbability, 0.5)});
        rules.follow(1);
        file_.replace({a_rule("b", RuleAction::kProbability, 0.5)});
        rules.follow(2);
    }
    named_.clear();
    LiveRules rules = make();
    EXPECT_THAT(named_, ElementsAre("a", "b")) << "spans that the first decided against may still come";
    EXPECT_THAT(names(rules), IsEmpty());
    rules.follow(3);
    EXPECT_EQ(rules.rules()->rules[0].slot, 1u);
    Policies policies({});
    policies.follow(rules.rules());
    const size_t first_slot = policies.names().size();
    EXPECT_EQ(policies.id_of(first_slot), rule_hash("a"));
    EXPECT_EQ(policies.id_of(first_slot + 1), rule_hash("b"));
    EXPECT_EQ(policies.id_of(first_slot + 2), rule_hash(Policies::kNoPolicy)) << "of a slot that was never used";
    const Decision by_chance{true, static_cast<uint16_t>(first_slot + 1), 1, static_cast<uint8_t>(first_slot + 2)};
    EXPECT_EQ(policies.chance_of(by_chance).threshold, uint64_t{1} << 55);
}

TEST_F(LiveRulesTest, WaitForPlacesWhereTheyChangeAllTheTime) {
    LiveRules rules = make();
    for (uint64_t i = 0; i < kRuleSlots; ++i) {
        file_.replace({a_rule("rule " + std::to_string(i))});
        rules.follow(i + 1);
    }
    file_.replace({a_rule("more")});
    rules.follow(1000);
    EXPECT_THAT(names(rules), ElementsAre("rule 31"));
    EXPECT_THAT(rules.problem(), HasSubstr("too many were changed"));
    rules.follow(2 + static_cast<uint64_t>(std::chrono::nanoseconds(kRest).count()));
    EXPECT_THAT(names(rules), ElementsAre("more"));
    EXPECT_EQ(rules.problem(), "");
}

// A trace with a rule's mark is decided up to decision_wait later, and its decisions are remembered for kept_for.
TEST(LiveRules, APlaceRestsForWhateverIsLonger) {
    TailSamplingOptions options;
    options.decision_wait = std::chrono::seconds(30);
    options.decisions_kept = std::chrono::seconds(10);
    EXPECT_EQ(LiveRules::rest(options), std::chrono::seconds(30));
    options.decisions_kept = std::chrono::seconds(60);
    EXPECT_EQ(LiveRules::rest(options), std::chrono::seconds(60));
}

// ---- What policies make of them -------------------------------------------------------------------------------------

class LivePoliciesTest : public LiveRulesTest {
protected:
    LivePoliciesTest() {
        producer_.service = "shop";
        producer_.program = "shopd";
        producer_.pid = 4711;
        otlp::ResourceSpans around;
        add(*around.mutable_resource(), "region", "north-1");
        producer_.resource = around.SerializeAsString();
    }

    void set(const std::vector<LiveRule>& rules) {
        file_.replace(rules);
        rules_.follow(++now_);
        ASSERT_EQ(rules_.problem(), "");
        stands_ = rules_.rules();
        policies_.follow(stands_);
    }
    // One rule, whose slot may have been another's a moment ago.
    void stand(const LiveRule& rule, size_t slot) {
        auto rules = std::make_shared<LiveRuleSet>();
        rules->rules.push_back({rule, slot});
        rules->slots[slot] = {rule.name, rule.meaning(), {}, 0};
        stands_ = rules;
        policies_.follow(stands_);
    }
    std::string decide(const std::vector<otlp::Span>& spans, Policies::Clock::time_point when = {}) {
        TraceState state;
        TraceKey key;
        const ProducerMarks producer = policies_.marks_of(producer_);
        for (const otlp::Span& span : spans) {
            const std::string bytes = span.SerializeAsString();
            JudgedSpan judged;
            EXPECT_TRUE(policies_.read({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, producer, false,
                                       judged));
            policies_.add(judged, producer, state);
            key = judged.trace;
        }
        last_ = policies_.decide(key, state, when);
        const size_t place = last_.rule;
        const std::string name = place < policies_.names().size()
                                     ? policies_.names()[place]
                                     : stands_->slots[place - policies_.names().size()].name;
        return (last_.keep ? "keep by " : "drop by ") + name;
    }

    LiveRules rules_{directory_.path(), rule_slots_beside(1), kRest, [](const std::string&) {}};
    Policies policies_{std::vector<PolicyOptions>(1, [] {
        PolicyOptions all;
        all.name = "all";
        return all;
    }())};
    std::shared_ptr<const LiveRuleSet> stands_;
    Producer producer_;
    Decision last_;
    uint64_t now_ = 0;
};

TEST_F(LivePoliciesTest, StandBeforeThePoliciesInTheirOrder) {
    EXPECT_EQ(decide({a_span("a")}), "keep by all");
    LiveRule drop = a_rule("drop", RuleAction::kDrop), keep = a_rule("keep");
    keep.operation = "a";
    set({drop, keep});
    EXPECT_EQ(decide({a_span("a")}), "drop by drop");
    set({keep, drop});
    EXPECT_EQ(decide({a_span("a")}), "keep by keep");
    EXPECT_EQ(decide({a_span("b")}), "drop by drop");
    set({});
    EXPECT_EQ(decide({a_span("b")}), "keep by all");
}

TEST_F(LivePoliciesTest, AllConditionsAreOfOneSpan) {
    LiveRule rule = a_rule("rule", RuleAction::kDrop);
    rule.service = "sh*";
    rule.operation = "GET /cart*";
    rule.process = "4711";
    rule.attributes = {{"customer", "7"}, {"paid", "true"}};
    rule.resource = {{"region", "north*"}};
    rule.error = true;
    set({rule});
    otlp::Span whole = a_span("GET /cart/1");
    whole.mutable_status()->set_code(otlp::Status::ERROR);
    otlp::KeyValue& number = *whole.add_attributes();
    number.set_key("customer");
    number.mutable_value()->set_int_value(7);
    otlp::Span unpaid = whole;
    add(unpaid, "paid", "false");
    otlp::KeyValue& flag = *whole.add_attributes();
    flag.set_key("paid");
    flag.mutable_value()->set_bool_value(true);
    EXPECT_EQ(decide({whole}), "drop by rule");
    EXPECT_EQ(decide({unpaid}), "keep by all");
    EXPECT_EQ(decide({a_span("other"), whole, unpaid}), "drop by rule");
    otlp::Span fine = whole;
    fine.mutable_status()->set_code(otlp::Status::OK);
    otlp::Span failed = a_span("other");
    failed.mutable_status()->set_code(otlp::Status::ERROR);
    EXPECT_EQ(decide({fine, failed}), "keep by all") << "no one span is all of it";

    rule.process = "shop?";
    set({rule});
    EXPECT_EQ(decide({whole}), "keep by all");
    rule.process = "shop*";
    set({rule});
    EXPECT_EQ(decide({whole}), "drop by rule");
    rule.resource = {{"region", "south*"}};
    set({rule});
    EXPECT_EQ(decide({whole}), "keep by all");
    rule.resource.clear();
    rule.service = "cart";
    set({rule});
    EXPECT_EQ(decide({whole}), "keep by all");
}

TEST_F(LivePoliciesTest, TheTraceTookSoLong) {
    LiveRule rule = a_rule("slow", RuleAction::kDrop);
    rule.slower_than = std::chrono::milliseconds(8);
    set({rule});
    EXPECT_EQ(decide({a_span("a")}), "keep by all");
    otlp::Span later = a_span("b");
    later.set_end_time_unix_nano(1008 * kMs);
    EXPECT_EQ(decide({a_span("a"), later}), "drop by slow");
}

TEST_F(LivePoliciesTest, AShareIsTheSameAsThatOfThePolicy) {
    set({a_rule("half", RuleAction::kProbability, 0.5)});
    PolicyOptions half;
    half.type = PolicyType::kProbabilistic;
    half.sampling_percentage = 50;
    Policies reference({half});
    std::mt19937 draw(1);  // NOLINT: the same each time
    int kept = 0;
    for (int i = 0; i < 200; ++i) {
        otlp::Span span = a_span("a");
        std::string random(16, '\0');
        for (char& byte : random) byte = static_cast<char>(draw());
        span.set_trace_id(random);
        TraceState state;
        const std::string id = span.trace_id();
        const bool expected =
            reference.decide(TraceKey::of(reinterpret_cast<const uint8_t*>(id.data())), state, {}).keep;
        EXPECT_EQ(decide({span}), expected ? "keep by half" : "drop by half");
        EXPECT_EQ(last_.by_chance, 0) << "spans that say nothing do not begin with it";
        kept += expected ? 1 : 0;
    }
    EXPECT_GT(kept, 50);
    EXPECT_LT(kept, 150);
}

TEST_F(LivePoliciesTest, ChanceIsToldWhereSpansTellOfIt) {
    set({a_rule("half", RuleAction::kProbability, 0.5)});
    otlp::Span span = a_span("a");
    span.set_trace_state("ot=rv:80000000000000");
    EXPECT_EQ(decide({span}), "keep by half");
    EXPECT_EQ(policies_.chance_of(last_).threshold, uint64_t{1} << 55);
    span.set_trace_state("ot=rv:7fffffffffffff");
    EXPECT_EQ(decide({span}), "drop by half");
}

TEST_F(LivePoliciesTest, ABudgetGoesOnWhileOthersChange) {
    const Policies::Clock::time_point now{std::chrono::hours(1)};
    const LiveRule budget = a_rule("budget", RuleAction::kTracesPerSecond, 2);
    set({budget});
    EXPECT_EQ(decide({a_span("a")}, now), "keep by budget");
    LiveRule other = a_rule("other");
    other.operation = "other";
    set({other, budget});
    EXPECT_EQ(decide({a_span("a")}, now), "keep by budget");
    EXPECT_EQ(decide({a_span("a")}, now), "drop by budget");
    EXPECT_EQ(decide({a_span("other")}, now), "keep by other");
    EXPECT_EQ(decide({a_span("a")}, now + std::chrono::milliseconds(500)), "keep by budget");
    EXPECT_EQ(decide({a_span("a")}, now + std::chrono::milliseconds(500)), "drop by budget");

    set({a_rule("budget", RuleAction::kSpansPerSecond, 3)});
    EXPECT_EQ(decide({a_span("a"), a_span("b")}, now), "keep by budget");
    EXPECT_EQ(decide({a_span("a"), a_span("b")}, now), "drop by budget");
    EXPECT_EQ(decide({a_span("a")}, now), "keep by budget");
}

TEST_F(LivePoliciesTest, ABudgetIsNotAnothersWhoGetsItsSlot) {
    const Policies::Clock::time_point now{std::chrono::hours(1)};
    stand(a_rule("many", RuleAction::kTracesPerSecond, 1000), 0);
    EXPECT_EQ(decide({a_span("a")}, now), "keep by many");
    stand(a_rule("one", RuleAction::kTracesPerSecond, 1), 0);
    EXPECT_EQ(decide({a_span("a")}, now), "keep by one");
    EXPECT_EQ(decide({a_span("a")}, now), "drop by one");
    LiveRule longer = a_rule("one", RuleAction::kTracesPerSecond, 1);
    longer.until_unix_nano = 1;
    stand(longer, 0);
    EXPECT_EQ(decide({a_span("a")}, now), "drop by one") << "the same rule, which goes on";
}

TEST_F(LivePoliciesTest, WhatWasMarkedBeforeMeansTheSame) {
    LiveRule first = a_rule("first", RuleAction::kDrop);
    first.operation = "a";
    set({first});
    const ProducerMarks producer = policies_.marks_of(producer_);
    const std::string bytes = a_span("a").SerializeAsString();
    JudgedSpan judged;
    ASSERT_TRUE(
        policies_.read({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, producer, false, judged));
    TraceState state;
    policies_.add(judged, producer, state);
    LiveRule second = a_rule("second", RuleAction::kDrop);
    second.operation = "b";
    set({second, first});
    EXPECT_NE(producer.generation, policies_.generation());
    EXPECT_FALSE(policies_.decide(judged.trace, state, {}).keep);
    set({second});
    EXPECT_TRUE(policies_.decide(judged.trace, state, {}).keep) << "the slot of one that went is nobody's";
}

}  // namespace
}  // namespace spanring::agent
