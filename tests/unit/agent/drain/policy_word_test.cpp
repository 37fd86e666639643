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

TEST_F(PolicyTest, ShowsThatTheAgentSleepsUntilEitherSideTakesItBack) {
    policy.direct_sampling(ring::SamplingDirective::ratio(0.5), true);
    const uint64_t before = word();
    policy.show_sleep();
    EXPECT_TRUE(policy.shows_sleep());
    EXPECT_EQ(word(), before | PolicyBits::kAsleep);
    EXPECT_TRUE(policy.take_back_sleep());
    EXPECT_EQ(word(), before);
    policy.show_sleep();
    word() &= ~PolicyBits::kAsleep;  // the process, which rings
    EXPECT_FALSE(policy.take_back_sleep());
}

TEST_F(PolicyTest, SleepsOnWhateverIsOrdered) {
    policy.show_sleep();
    policy.direct_sampling(ring::SamplingDirective::rate(3), false);
    EXPECT_TRUE(policy.shows_sleep());
    EXPECT_EQ(ring::SamplingDirective::unpack(word()), ring::SamplingDirective::rate(3));
}

TEST_F(PolicyTest, StaysRetiredWhateverIsOrdered) {
    policy.retire();
    policy.direct_sampling({}, true);
    EXPECT_TRUE(policy.retired());
}

}  // namespace
}  // namespace spanring::agent
