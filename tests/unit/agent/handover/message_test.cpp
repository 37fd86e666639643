// SPDX-License-Identifier: Apache-2.0
#include "handover/message.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <string>

#include "base/descriptor.hpp"

namespace spanring::agent {
namespace {

using namespace std::chrono_literals;
using Kind = HandoverMessage::Kind;

class HandoverMessageTest : public testing::Test {
protected:
    HandoverMessageTest() {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
        one_ = Descriptor(ends[0]);
        other_ = Descriptor(ends[1]);
    }

    Received after(const std::string& text) {
        EXPECT_EQ(::send(one_.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
        return receive(other_.get(), 0ms, got_);
    }

    Descriptor one_, other_;
    HandoverMessage got_;
};

TEST_F(HandoverMessageTest, ArrivesAsItWasSent) {
    HandoverMessage welcome{.kind = Kind::kWelcome,
                            .version = "1.2",
                            .supervisor = "@notify",
                            .pid = 77,
                            .patience_usec = 5,
                            .sockets = {"127.0.0.1 4317", "control"},
                            .sent = {one_.get(), other_.get()}};
    ASSERT_TRUE(welcome.send(one_.get()));
    ASSERT_EQ(receive(other_.get(), 0ms, got_), Received::kMessage);
    EXPECT_EQ(got_.kind, Kind::kWelcome);
    EXPECT_EQ(got_.version, "1.2");
    EXPECT_EQ(got_.supervisor, "@notify");
    EXPECT_EQ(got_.pid, 77);
    EXPECT_EQ(got_.patience_usec, 5u);
    EXPECT_EQ(got_.sockets, welcome.sockets);
    ASSERT_EQ(got_.files.size(), 2u);
    struct stat sent {
    }, came{};
    EXPECT_EQ(::fstat(other_.get(), &sent) | ::fstat(got_.files[1].get(), &came), 0);
    EXPECT_EQ(sent.st_ino, came.st_ino);
}

TEST_F(HandoverMessageTest, IsWaitedFor) {
    EXPECT_EQ(receive(other_.get(), 1ms, got_), Received::kNothingYet);
    one_.reset();
    EXPECT_EQ(receive(other_.get(), 0ms, got_), Received::kEnded);
    EXPECT_FALSE(HandoverMessage().send(other_.get()));
}

TEST_F(HandoverMessageTest, ThatIsNoneEndsIt) {
    for (const char* wrong : {"{", "[]", "{}", R"({"kind": "hello"})", R"({"kind": "greet", "protocol": 1})",
                              R"({"kind": 7, "protocol": 1})", R"({"kind": "hello", "protocol": "one"})",
                              R"({"kind": "welcome", "protocol": 1, "sockets": ["a socket that is not there"]})"})
        EXPECT_EQ(after(wrong), Received::kEnded) << wrong;
    EXPECT_EQ(after(std::string(HandoverMessage::kMostBytes + 1, ' ')), Received::kEnded);
    EXPECT_EQ(after(R"({"kind": "hello", "protocol": 2, "of a later version": true})"), Received::kMessage);
    EXPECT_EQ(got_.protocol, 2u);
}

}  // namespace
}  // namespace spanring::agent
