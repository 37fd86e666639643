// SPDX-License-Identifier: Apache-2.0
#include "ring/fork_guard.hpp"

#include <csignal>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/child_process.hpp"

namespace spanring::ring {
namespace {

// What is seen in a child that `make` made: 0 or 1, or 2 where it was neither.
template <class Make>
int seen_in(Make make) {
    const pid_t child = make();
    if (child == 0) _exit(ForkGuard::forked() ? 1 : 0);
    EXPECT_GT(child, 0);
    const int status = test::wait_status(child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

TEST_IN_PROCESS(ForkGuardTest, SaysNothingBeforeItIsArmed) {
    EXPECT_FALSE(ForkGuard::forked());
    EXPECT_EQ(seen_in([] { return fork(); }), 0);
}

TEST_IN_PROCESS(ForkGuardTest, TellsAChildThatItIsOneAndTheParentNothing) {
    ASSERT_EQ(ForkGuard::arm(), 0);
    EXPECT_FALSE(ForkGuard::forked());
    EXPECT_EQ(seen_in([] { return fork(); }), 1);
    EXPECT_FALSE(ForkGuard::forked());
}

TEST_IN_PROCESS(ForkGuardTest, SeesARawCloneThatRunsNoForkHandlers) {
    ASSERT_EQ(ForkGuard::arm(), 0);
    EXPECT_EQ(seen_in([] { return static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }), 1);
}

TEST_IN_PROCESS(ForkGuardTest, TakesAChildThatSharesTheMemoryForThisProcess) {
    ASSERT_EQ(ForkGuard::arm(), 0);
    alignas(16) static char stack[64 * 1024];
    const auto look = [](void*) { return ForkGuard::forked() ? 1 : 0; };
    const pid_t child = clone(look, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, nullptr);
    ASSERT_GT(child, 0);
    const int status = test::wait_status(child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << test::describe_status(status);
}

TEST_IN_PROCESS(ForkGuardTest, IsQuietOnceTheChildAcknowledgesAndSpeaksAgainInItsChild) {
    ASSERT_EQ(ForkGuard::arm(), 0);
    const int status = test::status_of_child([] {
        if (!ForkGuard::forked()) return 1;
        ForkGuard::acknowledge();
        if (ForkGuard::forked()) return 2;
        return test::status_of_child([] { return ForkGuard::forked() ? 0 : 1; }) == 0 ? 0 : 3;
    });
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << test::describe_status(status);
    EXPECT_FALSE(ForkGuard::forked());
}

TEST_IN_PROCESS(ForkGuardTest, MayBeArmedTwice) {
    ASSERT_EQ(ForkGuard::arm(), 0);
    ASSERT_EQ(ForkGuard::arm(), 0);
    EXPECT_EQ(seen_in([] { return fork(); }), 1);
}

}  // namespace
}  // namespace spanring::ring
