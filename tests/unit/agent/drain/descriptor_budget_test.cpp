// SPDX-License-Identifier: Apache-2.0
#include "drain/descriptor_budget.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>

namespace spanring::agent {
namespace {

class BudgetTest : public ::testing::Test {
protected:
    BudgetTest() {
        getrlimit(RLIMIT_NOFILE, &before);
        rlimit limit = before;
        limit.rlim_cur = 264;
        setrlimit(RLIMIT_NOFILE, &limit);
        most = DescriptorBudget::segments();
    }
    ~BudgetTest() override { setrlimit(RLIMIT_NOFILE, &before); }

    // How many more one gets who takes what there is to take.
    static size_t take_all(DescriptorBudget& budget, size_t others) {
        size_t own = 0;
        while (budget.admits(others + own, own)) ++own;
        return own;
    }

    rlimit before{};
    size_t most = 0;
};

TEST_F(BudgetTest, GivesOneUserAllThatTheAgentDoesNotNeed) {
    DescriptorBudget budget;
    EXPECT_EQ(take_all(budget, 0), most);
    EXPECT_TRUE(budget.give_back());
    EXPECT_FALSE(budget.give_back());
}

TEST_F(BudgetTest, KeepsSomeForThoseWhoHaveNoneYet) {
    DescriptorBudget budget(true);
    size_t taken = 0;
    for (int user = 0; user < 12; ++user) {
        const size_t own = take_all(budget, taken);
        EXPECT_GT(own, 0u) << "user " << user;
        if (user == 0) {
            EXPECT_GT(own, most / 2);
        }
        taken += own;
        EXPECT_LT(taken, most);
    }
}

}  // namespace
}  // namespace spanring::agent
