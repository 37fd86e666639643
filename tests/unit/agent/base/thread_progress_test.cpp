// SPDX-License-Identifier: Apache-2.0
#include "base/thread_progress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/event_loop_progress.hpp"
#include "base/stuck_threads.hpp"

namespace spanring::agent {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> stuck() {
    std::vector<std::string> names;
    for (const StuckThread& thread : stuck_threads(0ns)) names.push_back(thread.name);
    return names;
}

TEST(ThreadProgressTest, KnowsWhoIsInOnePieceOfWorkForTooLong) {
    ThreadProgress first("first"), second("second");
    EXPECT_THAT(stuck(), IsEmpty());
    second.working();
    EXPECT_THAT(stuck(), ElementsAre("second"));
    EXPECT_THAT(stuck_threads(1h), IsEmpty());
    second.waiting();
    first.working();
    EXPECT_THAT(stuck(), ElementsAre("first"));
}

TEST(ThreadProgressTest, ForgetsAThreadThatIsGone) {
    {
        ThreadProgress gone("gone");
        gone.working();
        EXPECT_THAT(stuck(), ElementsAre("gone"));
    }
    EXPECT_THAT(stuck(), IsEmpty());
}

// An event loop is asked, and is stuck if it has not answered when somebody looks again.
TEST(ThreadProgressTest, AsksAnEventLoop) {
    int asked = 0;
    EventLoopProgress loop("loop", [&asked] { ++asked; });
    EXPECT_THAT(stuck(), IsEmpty());
    EXPECT_EQ(asked, 1);
    EXPECT_THAT(stuck(), ElementsAre("loop"));
    EXPECT_EQ(asked, 1) << "it was not asked again before it answered";
    loop.waiting();
    EXPECT_THAT(stuck(), IsEmpty());
    EXPECT_EQ(asked, 2);
}

TEST(ThreadProgressTest, IsDescribedInWholeSeconds) {
    EXPECT_EQ(describe({"send/otlp", 31'400ms}), "send/otlp has been in one piece of work for 31s");
}

}  // namespace
}  // namespace spanring::agent
