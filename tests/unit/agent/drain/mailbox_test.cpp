// SPDX-License-Identifier: Apache-2.0
#include "drain/mailbox.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <memory>
#include <thread>
#include <vector>

namespace spanring::agent {
namespace {

bool rings(const Mailbox& mailbox, int milliseconds = 0) {
    pollfd bell = {mailbox.bell(), POLLIN, 0};
    return ::poll(&bell, 1, milliseconds) == 1;
}

InstanceId instance(uint8_t number) {
    InstanceId id{};
    id.fill(number);
    return id;
}

TEST(MailboxTest, RingsUntilItIsSilenced) {
    Mailbox mailbox;
    EXPECT_FALSE(rings(mailbox));
    for (int times = 0; times < 3; ++times) mailbox.ring();
    EXPECT_TRUE(rings(mailbox));
    EXPECT_TRUE(rings(mailbox)) << "looking does not silence it";
    mailbox.silence();
    EXPECT_FALSE(rings(mailbox)) << "all of them at once";
    mailbox.silence();  // does not wait for a ring
    mailbox.ring();
    EXPECT_TRUE(rings(mailbox));
}

TEST(MailboxTest, HandsOutWhatWasLeftInOrderAndOnce) {
    Mailbox mailbox;
    mailbox.distrust(instance(1));
    mailbox.distrust(instance(2));
    EXPECT_TRUE(rings(mailbox));
    EXPECT_EQ(mailbox.take_distrusted(), (std::vector<InstanceId>{instance(1), instance(2)}));
    EXPECT_TRUE(mailbox.take_distrusted().empty());
}

TEST(MailboxTest, RingsOnceForAnswersThatWait) {
    Mailbox mailbox;
    Acknowledgements answers;
    answers.set_waiter(mailbox);
    for (int round = 0; round < 2; ++round) {
        answers.push(std::make_shared<Batch>());
        EXPECT_TRUE(rings(mailbox));
        mailbox.silence();
        answers.push(std::make_shared<Batch>());
        EXPECT_FALSE(rings(mailbox)) << "who was woken for the first takes both";
        EXPECT_EQ(answers.take().size(), 2u);
    }
}

TEST(MailboxTest, LosesNothingThatManyThreadsLeave) {
    Mailbox mailbox;
    std::vector<std::thread> threads;
    for (uint8_t n = 0; n < 4; ++n) {
        threads.emplace_back([&, n] {
            for (int times = 0; times < 1000; ++times) mailbox.distrust(instance(n));
        });
    }
    size_t taken = 0;
    while (taken < 4000 && rings(mailbox, 60'000)) {
        mailbox.silence();  // first: what comes after it rings again
        taken += mailbox.take_distrusted().size();
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(taken + mailbox.take_distrusted().size(), 4000u);
}

}  // namespace
}  // namespace spanring::agent
