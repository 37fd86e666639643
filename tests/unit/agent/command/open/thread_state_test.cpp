// SPDX-License-Identifier: Apache-2.0
#include "command/open/thread_state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace spanring::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ThreadState, AStateStandsBehindAnyName) {
    EXPECT_EQ(state_in_stat("4711 (shop) S 1 4711"), "sleeping");
    EXPECT_EQ(state_in_stat("4711 (a (b) Z) c) R 1"), "running");
    EXPECT_EQ(state_in_stat("4711 (shop) T 1"), "stopped");
    EXPECT_EQ(state_in_stat("4711 (shop) ? 1"), "");
    EXPECT_EQ(state_in_stat("4711 (shop)"), "");
    EXPECT_EQ(state_in_stat(""), "");
}

TEST(ThreadState, FramesWithoutAddressesAndOffsets) {
    EXPECT_THAT(frames_in_stack("[<0>] hrtimer_nanosleep+0x9c/0x120\n[<0>] do_syscall_64+0x5b/0x80\n"),
                ElementsAre("hrtimer_nanosleep", "do_syscall_64"));
    EXPECT_THAT(frames_in_stack(""), IsEmpty());
    EXPECT_THAT(frames_in_stack("\n\nlast"), ElementsAre("last"));
}

TEST(ThreadState, OfAThreadThatIsThereAndOneThatIsNot) {
    const ThreadState own = thread_state(::getpid(), ::gettid());
    EXPECT_TRUE(own.exists);
    EXPECT_EQ(own.state, "running");
    EXPECT_NE(own.name, "");
    EXPECT_FALSE(thread_state(::getpid(), 1 << 30).exists);
}

}  // namespace
}  // namespace spanring::agent
