// SPDX-License-Identifier: Apache-2.0
//
// Rules as they are written and read, and what is wrong with one.
#include "sampling/live_rule.hpp"

#include <atomic>
#include <chrono>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/wall_clock.hpp"
#include "sampling/live_rules_file.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

LiveRule whole_rule() {
    LiveRule rule;
    rule.name = "cart, while it is slow";
    rule.service = "shop";
    rule.operation = "SELECT *\n  FROM cart";
    rule.process = "4711";
    rule.attributes = {{"customer", "grün"}, {"tier", ""}};
    rule.resource = {{"region", "north-*"}};
    rule.error = true;
    rule.slower_than = std::chrono::milliseconds(1500);
    rule.action = RuleAction::kProbability;
    rule.value = 0.1;
    rule.until_unix_nano = std::numeric_limits<uint64_t>::max();
    return rule;
}

std::string why(const std::string& text) {
    try {
        parse_rules(text);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "";
}

std::string of_one(const std::string& keys) { return R"({"rules": [{"name": "a")" + keys + "}]}"; }

TEST(LiveRule, IsReadAsItWasWritten) {
    std::vector<LiveRule> rules{whole_rule()};
    for (const RuleAction action :
         {RuleAction::kKeep, RuleAction::kDrop, RuleAction::kTracesPerSecond, RuleAction::kSpansPerSecond}) {
        LiveRule rule;
        rule.name = "rule " + std::to_string(rules.size());
        rule.action = action;
        if (rule.has_budget()) rule.value = 0.5;
        rules.push_back(rule);
    }
    EXPECT_EQ(parse_rules(text_of_rules(rules)), rules);
    EXPECT_THAT(parse_rules(text_of_rules({})), IsEmpty());
}

TEST(LiveRule, SaysWhatItIs) {
    EXPECT_EQ(whole_rule().conditions(),
              "service shop, operation SELECT *\n  FROM cart, process 4711, customer=grün, tier=, resource "
              "region=north-*, error, slower than 1s500ms");
    EXPECT_EQ(whole_rule().effect(), "probability 0.1");
    LiveRule budget;
    budget.action = RuleAction::kSpansPerSecond;
    budget.value = 100;
    EXPECT_EQ(budget.conditions(), "any");
    EXPECT_EQ(budget.effect(), "100.0 spans/s");
}

TEST(LiveRule, MeansTheSameHoweverLongItHolds) {
    LiveRule longer = whole_rule(), other = whole_rule();
    longer.until_unix_nano = 0;
    EXPECT_EQ(longer.meaning(), whole_rule().meaning());
    other.value = 0.2;
    EXPECT_NE(other.meaning(), whole_rule().meaning());
    EXPECT_FALSE(longer.expired(std::numeric_limits<uint64_t>::max()));
    longer.until_unix_nano = 7;
    EXPECT_FALSE(longer.expired(6));
    EXPECT_TRUE(longer.expired(7));
}

TEST(LiveRule, WhatIsWrongIsNamedWithItsPlace) {
    EXPECT_EQ(why(of_one(R"(, "drop": true)")), "");
    EXPECT_THAT(why("{"), HasSubstr("parse error at line 1, column 2"));
    EXPECT_EQ(why("[]"), "is not an object with a list of rules");
    EXPECT_EQ(why(R"({"rules": [], "more": 1})"), "is not an object with a list of rules");
    EXPECT_EQ(why(R"({"rules": [7]})"), "rules[0]: is not an object");
    EXPECT_EQ(why(of_one("")), "rules[0]: does not say what is to become of a trace");
    EXPECT_EQ(why(of_one(R"(, "drop": true, "keep": true)")),
              "rules[0]: says two things that are to become of a trace");
    EXPECT_EQ(why(of_one(R"(, "drop": false)")), "rules[0]: drop is not true");
    EXPECT_EQ(why(of_one(R"(, "probability": "0.1")")), "rules[0]: probability is not a number");
    EXPECT_EQ(why(of_one(R"(, "drop": true, "servce": "shop")")), "rules[0]: there is no 'servce'");
    EXPECT_EQ(why(of_one(R"(, "drop": true, "service": "")")), "rules[0]: service is not a text");
    EXPECT_EQ(why(of_one(R"(, "drop": true, "attributes": {"a": 1})")),
              "rules[0]: attributes is not an object of texts");
    EXPECT_EQ(why(of_one(R"(, "drop": true, "slower_than": "5 sec")")), "rules[0]: slower_than is not a duration");
    EXPECT_EQ(why(of_one(R"(, "drop": true, "until_unix_nano": -1)")),
              "rules[0]: until_unix_nano is not a number of nanoseconds");
    EXPECT_EQ(why(R"({"rules": [{"name": "a", "drop": true}, {"name": "a", "keep": true}]})"),
              "rules[1]: the name 'a' is there twice");
    std::string many;
    for (int i = 0; i < 17; ++i) many += (i == 0 ? "" : ", ") + std::string("{}");
    EXPECT_EQ(why(R"({"rules": [)" + many + "]}"), "rules: more than 16");
}

TEST(LiveRule, ValuesHaveBounds) {
    const auto fault = [](auto&& change) {
        LiveRule rule = whole_rule();
        change(rule);
        return rule.fault();
    };
    EXPECT_EQ(whole_rule().fault(), "");
    EXPECT_EQ(fault([](LiveRule& rule) { rule.name.clear(); }), "name is empty");
    EXPECT_THAT(fault([](LiveRule& rule) { rule.name = "a\nb"; }), HasSubstr("cannot be seen"));
    EXPECT_THAT(fault([](LiveRule& rule) { rule.name = "a\u202e"; }), HasSubstr("cannot be seen"));
    EXPECT_THAT(fault([](LiveRule& rule) { rule.name.assign(201, 'a'); }), HasSubstr("longer than 200 bytes"));
    EXPECT_EQ(fault([](LiveRule& rule) { rule.service = "\xff"; }), "service is not UTF-8");
    EXPECT_EQ(fault([](LiveRule& rule) { rule.operation.assign(1025, 'a'); }), "operation is longer than 1024 bytes");
    EXPECT_EQ(fault([](LiveRule& rule) { rule.attributes[""] = "a"; }), "attributes: a key is empty");
    EXPECT_EQ(fault([](LiveRule& rule) {
                  for (char c = 'a'; c < 'i'; ++c) rule.resource[std::string(1, c)] = "";
              }),
              "has more than 8 attributes");
    for (const double value : {0.0, -0.1, 1.0001, std::numeric_limits<double>::quiet_NaN()})
        EXPECT_EQ(fault([&](LiveRule& rule) { rule.value = value; }), "probability is not above 0 and up to 1");
    EXPECT_EQ(fault([](LiveRule& rule) {
                  rule.action = RuleAction::kTracesPerSecond;
                  rule.value = 2e9;
              }),
              "traces_per_second is not above 0 and up to 1000000000");
}

TEST(LiveRule, AnAsteriskStandsForAnyText) {
    EXPECT_TRUE(is_like("GET /cart", "GET /cart"));
    EXPECT_FALSE(is_like("GET /cart/1", "GET /cart"));
    EXPECT_TRUE(is_like("GET /cart/1", "GET /cart*"));
    EXPECT_TRUE(is_like("", "*"));
    EXPECT_TRUE(is_like("", ""));
    EXPECT_FALSE(is_like("", "a*"));
    EXPECT_TRUE(is_like("aXbXc", "a*b*c"));
    EXPECT_TRUE(is_like("abcbc", "a*bc"));
    EXPECT_FALSE(is_like("abcbd", "a*bc"));
    EXPECT_TRUE(is_like("SELECT * FROM a", "SELECT * FROM a"));
    EXPECT_FALSE(is_like("abc", "*b"));
    const std::string long_text(100'000, 'a');
    EXPECT_FALSE(is_like(long_text, "*a*a*a*a*a*b"));
}

TEST(LiveRulesFile, IsChangedAsAWholeOrNotAtAll) {
    const test::TemporaryDirectory directory;
    const LiveRulesFile file(directory.path());
    EXPECT_EQ(file.text(), "");
    EXPECT_THAT(file.read(), IsEmpty());
    LiveRule old = whole_rule();
    old.name = "old";
    old.until_unix_nano = unix_nano() - 1;
    file.replace({old, whole_rule()});
    LiveRule more;
    more.name = "more";
    EXPECT_TRUE(file.change([&](std::vector<LiveRule>& rules) { rules.push_back(more); }));
    EXPECT_THAT(file.read(), ElementsAre(whole_rule(), more)) << "what is expired goes";
    EXPECT_THROW(file.change([&](std::vector<LiveRule>& rules) { rules.push_back(more); }), std::runtime_error);
    EXPECT_THAT(file.read(), ElementsAre(whole_rule(), more));
    std::ofstream(file.path()) << "{";
    EXPECT_THROW(file.change([](std::vector<LiveRule>&) {}), std::runtime_error);
    EXPECT_EQ(file.text(), "{");
    file.replace({});
    EXPECT_THAT(file.read(), IsEmpty());
    EXPECT_EQ(directory.files().size(), 1u);
}

LiveRulesFile::Change adds(const std::string& name) {
    return [name](std::vector<LiveRule>& rules) { rules.emplace_back().name = name; };
}

TEST(LiveRulesFile, WhatDoesNotHoldIsTakenBackAndNothingElse) {
    const test::TemporaryDirectory directory;
    const LiveRulesFile file(directory.path());
    EXPECT_TRUE(file.change(adds("first")));
    std::thread other;
    std::atomic<bool> tries = false;
    const auto does_not_hold = [&] {
        EXPECT_EQ(file.read().size(), 2u) << "it is there to be looked at";
        other = std::thread([&] {
            tries = true;
            EXPECT_TRUE(file.change(adds("other")));
        });
        while (!tries) std::this_thread::yield();
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return false;
    };
    EXPECT_FALSE(file.change(adds("refused"), does_not_hold));
    other.join();
    std::vector<std::string> names;
    for (const LiveRule& rule : file.read()) names.push_back(rule.name);
    EXPECT_THAT(names, ElementsAre("first", "other"));
}

}  // namespace
}  // namespace spanring::agent
