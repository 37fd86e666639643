// SPDX-License-Identifier: Apache-2.0
#include "drain/rule_accounts.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace spanring::agent {
namespace {

using Rows = std::vector<ring::RuleTotals>;

TEST(RuleSharesTest, CountsEachRuleByItself) {
    RuleShares shares;
    EXPECT_TRUE(shares.empty());
    shares.add(RuleShare{});  // nobody's
    EXPECT_TRUE(shares.empty());
    shares.add({21, 1, 0});
    shares.add({22, 2, 1});
    shares.add({21, 3, 1});
    shares.add({22, 1, 0});
    RuleShares more(RuleShare{23, 5, 0});
    more.add(shares);
    std::vector<RuleShare> seen;
    more.each([&](const RuleShare& share) { seen.push_back(share); });
    EXPECT_EQ(seen, (std::vector<RuleShare>{{23, 5, 0}, {21, 4, 1}, {22, 3, 1}}));
}

TEST(RuleSharesTest, AHashIsOfTheNameAndStandsForNothingElse) {
    // Segments and ledgers carry it.
    EXPECT_EQ(rule_hash("no_policy"), 0x156f9e9452b14fb1u);
    EXPECT_GT(rule_hash(""), ring::kOtherRules);
    EXPECT_NE(rule_hash("errors"), rule_hash("slow"));
}

TEST(RuleAccountsTest, GoesOnWithTheRowsThatThereAre) {
    const Rows before = {{21, 5, 1}, {22, 7, 0}, {0, 0, 0}, {23, 9, 9}};  // nobody leaves a gap: not to be believed
    RuleAccounts accounts(before);
    EXPECT_TRUE(accounts.take_changes().empty());
    accounts.book(RuleShare{22, 3, 1});
    accounts.book(RuleShare{24, 1, 0});
    accounts.book(RuleShare{22, 1, 0});
    const auto changes = accounts.take_changes();
    ASSERT_EQ(changes.size(), 2u);
    EXPECT_EQ(changes[0].row, 1u);
    EXPECT_EQ(changes[0].totals, (ring::RuleTotals{22, 11, 1}));
    EXPECT_EQ(changes[1].row, 2u);
    EXPECT_EQ(changes[1].totals, (ring::RuleTotals{24, 1, 0}));
    EXPECT_TRUE(accounts.take_changes().empty());
    EXPECT_EQ(accounts.rows(), (Rows{{21, 5, 1}, {22, 11, 1}, {24, 1, 0}}));
}

TEST(RuleAccountsTest, WhatFindsNoRowIsInTheLastOne) {
    RuleAccounts accounts;
    for (uint64_t rule = 100; rule < 100 + 2 * ring::kRuleRows; ++rule) accounts.book(RuleShare{rule, 1, 1});
    ASSERT_EQ(accounts.rows().size(), ring::kRuleRows);
    EXPECT_EQ(accounts.rows()[0], (ring::RuleTotals{100, 1, 1}));
    const uint64_t others = ring::kRuleRows + 1;
    EXPECT_EQ(accounts.rows().back(), (ring::RuleTotals{ring::kOtherRules, others, others}));
    RuleAccounts next(accounts.rows());
    next.book(RuleShare{7, 2, 0});
    next.book(RuleShare{100, 1, 0});
    EXPECT_EQ(next.rows().back().sampled_out, others + 2);
    EXPECT_EQ(next.rows()[0].sampled_out, 2u);
}

}  // namespace
}  // namespace spanring::agent
