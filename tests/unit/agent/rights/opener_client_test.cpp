// SPDX-License-Identifier: Apache-2.0
#include "rights/opener_client.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <stdexcept>

#include <sys/socket.h>

namespace spanring::agent {
namespace {

class OpenerClientTest : public ::testing::Test {
protected:
    OpenerClientTest() {
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) throw std::runtime_error("socketpair");
        opener = Descriptor(ends[0]);
        client = std::make_unique<OpenerClient>(Descriptor(ends[1]), std::chrono::milliseconds(1));
    }
    // What the opener does in its own time.
    void answer(uint64_t inode) {
        OpenerReply reply = {};
        reply.inode = inode;
        ASSERT_EQ(send_message(opener.get(), &reply, sizeof reply, opener.get()), 0);
    }
    int questions() {
        int count = 0;
        OpenerRequest request;
        while (recv(opener.get(), &request, sizeof request, MSG_DONTWAIT) == sizeof request) ++count;
        return count;
    }
    OpenerReply ask() { return client->ask({}, -1, file); }

    Descriptor opener;
    std::unique_ptr<OpenerClient> client;
    Descriptor file;
};

TEST_F(OpenerClientTest, WaitsForNoAnswerForEverAndAsksNothingMoreBeforeIt) {
    EXPECT_EQ(ask().error, -ETIMEDOUT);
    EXPECT_EQ(ask().error, -ETIMEDOUT);
    EXPECT_EQ(questions(), 1);
    EXPECT_FALSE(client->ended());
}

TEST_F(OpenerClientTest, TakesNoLateAnswerForThatOfAnotherQuestion) {
    EXPECT_EQ(ask().error, -ETIMEDOUT);
    answer(1);
    EXPECT_EQ(ask().error, -ETIMEDOUT) << "a new question";
    EXPECT_FALSE(file) << "its descriptor is closed";
    EXPECT_EQ(questions(), 2);
    answer(2);
    EXPECT_FALSE(client->ended());
    answer(3);
    EXPECT_TRUE(client->ended()) << "an answer to no question";
}

TEST_F(OpenerClientTest, KnowsThatItsOpenerHasEnded) {
    EXPECT_FALSE(client->ended());
    opener.reset();
    EXPECT_EQ(ask().error, -EPIPE);
    EXPECT_TRUE(client->ended());
}

}  // namespace
}  // namespace spanring::agent
