// SPDX-License-Identifier: Apache-2.0
#include "drain/wake_up.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <memory>

#include "batch/batch.hpp"

namespace spanring::agent {
namespace {

bool rings(const WakeUp& wake_up) {
    pollfd file = {wake_up.fd(), POLLIN, 0};
    return ::poll(&file, 1, 0) == 1;
}

TEST(WakeUpTest, RingsUntilItIsSilenced) {
    WakeUp wake_up;
    EXPECT_FALSE(rings(wake_up));
    for (int times = 0; times < 3; ++times) wake_up.ring();
    EXPECT_TRUE(rings(wake_up));
    EXPECT_TRUE(rings(wake_up)) << "looking does not silence it";
    wake_up.silence();
    EXPECT_FALSE(rings(wake_up)) << "all of them at once";
    wake_up.silence();  // does not wait for a ring
    wake_up.ring();
    EXPECT_TRUE(rings(wake_up));
}

TEST(WakeUpTest, RingsOnceForAnswersThatWait) {
    WakeUp wake_up;
    Acknowledgements answers;
    answers.set_waiter(wake_up);
    for (int round = 0; round < 2; ++round) {
        answers.push(std::make_shared<Batch>());
        EXPECT_TRUE(rings(wake_up));
        wake_up.silence();
        answers.push(std::make_shared<Batch>());
        EXPECT_FALSE(rings(wake_up)) << "who was woken for the first takes both";
        EXPECT_EQ(answers.take().size(), 2u);
    }
}

TEST(WakeUpTest, RingsForNoAnswerThatMayWait) {
    WakeUp wake_up;
    Acknowledgements answers;
    answers.set_waiter(wake_up);
    answers.let_wait(true);
    answers.push(std::make_shared<Batch>());
    EXPECT_FALSE(rings(wake_up));
    answers.let_wait(false);
    answers.push(std::make_shared<Batch>());
    EXPECT_EQ(answers.take().size(), 2u) << "by who is awake by then";
    answers.push(std::make_shared<Batch>());
    EXPECT_TRUE(rings(wake_up)) << "the first after that";
    wake_up.silence();
    answers.let_wait(true);
    EXPECT_EQ(answers.take().size(), 1u) << "told of before they might wait";
}

}  // namespace
}  // namespace spanring::agent
