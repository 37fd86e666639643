// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "drain/policy_word.hpp"
#include "support/segment_image.hpp"

namespace spanring::agent {
namespace {

using ring::PolicyBits;

class PolicyTest : public ::testing::Test {
protected:
    uint64_t& word() { return image.view().control().policy; }

    test::TemporaryDirectory directory;
    test::FileImage image{directory};
    PolicyWord policy{image.view()};
};

TEST_F(PolicyTest, RetiresAndKeepsTheRest) {
    EXPECT_FALSE(policy.retired());
    word() = PolicyBits::kDisabled;
    policy.retire();
    EXPECT_TRUE(policy.retired());
    EXPECT_EQ(word(), PolicyBits::kDisabled | PolicyBits::kRetired);
}

TEST_F(PolicyTest, SwitchesRecordingOffAndOnAgain) {
    policy.direct_sampling({}, false);
    EXPECT_NE(word() & PolicyBits::kDisabled, 0u);
    policy.direct_sampling({}, true);
    EXPECT_EQ(word() & PolicyBits::kDisabled, 0u);
}

TEST_F(PolicyTest, StaysRetiredWhateverIsOrdered) {
    policy.retire();
    policy.direct_sampling({}, true);
    EXPECT_TRUE(policy.retired());
}

}  // namespace
}  // namespace spanring::agent
