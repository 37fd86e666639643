// SPDX-License-Identifier: Apache-2.0
#include "command/processes/account_groups.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

using testing::ElementsAre;

ProcessAccount account(const std::string& service, ProcessState state, uint64_t spans, uint64_t since) {
    ProcessAccount account;
    account.service = service;
    account.program = "job";
    account.state = state;
    account.since_unix_nano = since;
    account.writer[static_cast<size_t>(ring::Counter::kStarted)] = spans;
    account.exporters.push_back({.name = "store", .exported = spans});
    return account;
}

TEST(AccountGroupsTest, ManyThatAreAlikeAreOne) {
    std::vector<ProcessAccount> accounts = {account("shop", ProcessState::kLive, 1, 90)};
    for (uint64_t i = 1; i <= 5; ++i) accounts.push_back(account("shop", ProcessState::kFinished, i, 10 * i));
    accounts.push_back(account("stock", ProcessState::kFinished, 7, 5));
    accounts.push_back(account("shop", ProcessState::kGone, 9, 6));
    const auto groups = grouped(accounts, [](size_t which) { return which != 0; });
    ASSERT_EQ(groups.size(), 4u);
    EXPECT_THAT(groups[0].members, ElementsAre(0));
    EXPECT_THAT(groups[1].members, ElementsAre(1, 2, 3, 4, 5));
    EXPECT_TRUE(groups[1].several());
    EXPECT_EQ(groups[1].account.service, "shop");
    EXPECT_EQ(groups[1].account.state, ProcessState::kFinished);
    EXPECT_EQ(groups[1].account.started(), 15u);
    EXPECT_EQ(groups[1].account.since_unix_nano, 50u) << "the youngest";
    ASSERT_EQ(groups[1].account.exporters.size(), 1u);
    EXPECT_EQ(groups[1].account.exporters[0].exported, 15u);
    EXPECT_THAT(groups[2].members, ElementsAre(6));
    EXPECT_EQ(groups[2].account.started(), 7u);
    EXPECT_THAT(groups[3].members, ElementsAre(7));
}

TEST(AccountGroupsTest, FewOrThoseThatMayNotAreEachByThemselves) {
    const std::vector<ProcessAccount> accounts(5, account("shop", ProcessState::kFinished, 1, 1));
    EXPECT_EQ(grouped(accounts, [](size_t) { return false; }).size(), 5u);
    EXPECT_EQ(grouped(accounts, [](size_t which) { return which < 3; }).size(), 5u);
    EXPECT_EQ(grouped(accounts, [](size_t which) { return which < 4; }).size(), 2u);
}

}  // namespace
}  // namespace spanring::agent
