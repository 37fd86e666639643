// SPDX-License-Identifier: Apache-2.0
#include "command/doctor/kernel_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spanring::agent {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(KernelFactsTest, TheOldestKernelIsThatOfTheNewestCallThatIsNeeded) {
    const Finding old = judge_kernel("4.13.16");
    EXPECT_EQ(old.health, Health::kError);
    EXPECT_THAT(old.found, HasSubstr("the oldest that will do is 4.14, for MADV_WIPEONFORK"));
    EXPECT_THAT(old.advice, HasSubstr("4.14"));
    EXPECT_EQ(judge_kernel("3.10.0-1160.el7.x86_64").health, Health::kError);
}

TEST(KernelFactsTest, AnOlderKernelThatWillDoIsToldWhatIsDifferent) {
    const Finding works = judge_kernel("5.10.0-30-amd64");
    EXPECT_EQ(works.health, Health::kWarning);
    EXPECT_THAT(works.found, HasSubstr("without MADV_POPULATE_WRITE"));
    EXPECT_THAT(works.found, Not(HasSubstr("without MAP_FIXED_NOREPLACE")));
    EXPECT_THAT(judge_kernel("4.14.0").found, HasSubstr("without MAP_FIXED_NOREPLACE"));
}

TEST(KernelFactsTest, ANewKernelHasEverything) {
    for (const char* release : {"5.14.0", "6.1.0-25-amd64", "10.0"})
        EXPECT_EQ(judge_kernel(release).health, Health::kOk);
    EXPECT_EQ(judge_kernel("not a number").health, Health::kOk) << "what cannot be told is tried out";
}

TEST(KernelFactsTest, AFolderThatCannotBeMadeIsAnErrorAndNothingElse) {
    const Findings findings = look_at_kernel("/proc/nowhere");
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_EQ(findings[0].health, Health::kError);
    EXPECT_THAT(findings[0].found, HasSubstr("/proc/nowhere"));
}

}  // namespace
}  // namespace spanring::agent
