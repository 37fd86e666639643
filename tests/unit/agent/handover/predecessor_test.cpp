// SPDX-License-Identifier: Apache-2.0
//
// Agents that are to be replaced and are about to end, or ask for more than is due.
#include "handover/predecessor.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "base/descriptor.hpp"
#include "base/file_lock.hpp"
#include "base/version.hpp"
#include "handover/control_address.hpp"
#include "handover/control_socket.hpp"
#include "handover/message.hpp"
#include "support/temporary_directory.hpp"

namespace spanring::agent::test {
namespace {

using namespace std::chrono_literals;

class PredecessorTest : public testing::Test {
protected:
    Descriptor connected() {
        const ControlAddress address(directory_.path(), ControlSocket::kName);
        Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        EXPECT_EQ(::connect(socket.get(), address.get(), address.size()), 0);
        return socket;
    }
    Descriptor held_lock() {
        Descriptor file(::open(directory_.file("agent.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        EXPECT_EQ(lock_file(file.get()), 0);
        return file;
    }

    spanring::test::TemporaryDirectory directory_;
    const sigset_t none_{};
};

// It takes nobody's word any more, and has its lock until it has flushed.
TEST_F(PredecessorTest, OneThatEndsWithoutAWordIsWaitedFor) {
    Descriptor lock = held_lock();
    const ControlAddress address(directory_.path(), ControlSocket::kName);
    Descriptor listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(listener.get(), address.get(), address.size()), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    std::atomic<bool> ended = false;
    std::thread ends([&] {
        Descriptor(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)).reset();
        std::this_thread::sleep_for(50ms);  // so that whoever does not wait is there first
        ended = true;
        lock.reset();
    });
    EXPECT_EQ(Predecessor::find(directory_.path(), none_), nullptr);
    EXPECT_TRUE(ended);
    ends.join();
}

TEST_F(PredecessorTest, WhereNobodyHasTheLockNothingIsWaitedFor) {
    EXPECT_EQ(Predecessor::find(directory_.path(), none_), nullptr);
    held_lock();  // and let go of
    EXPECT_EQ(Predecessor::find(directory_.path(), none_), nullptr);
}

TEST_F(PredecessorTest, WhoGreetsWithoutAnEndIsRefused) {
    ::signal(SIGIO, SIG_IGN);
    ListeningSockets sockets;
    ControlSocket control(directory_.path(), sockets, {});
    const Descriptor greedy = connected();
    const HandoverMessage hello{.kind = HandoverMessage::Kind::kHello, .version = version()};
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(hello.send(greedy.get()));
    EXPECT_FALSE(control.look());
    EXPECT_EQ(control.successor(), 0) << "others have their turn";
    for (const auto kind : {HandoverMessage::Kind::kWelcome, HandoverMessage::Kind::kRefused}) {
        HandoverMessage answer;
        ASSERT_EQ(receive(greedy.get(), 0ms, answer), Received::kMessage);
        EXPECT_EQ(answer.kind, kind);
    }
}

TEST_F(PredecessorTest, ThoseWhoComeAndGoAreLeftForTheNextLook) {
    ::signal(SIGIO, SIG_IGN);
    ListeningSockets sockets;
    ControlSocket control(directory_.path(), sockets, {});
    for (int i = 0; i < 100; ++i) connected();
    const Descriptor last = connected();
    const HandoverMessage hello{.kind = HandoverMessage::Kind::kHello, .version = version()};
    EXPECT_TRUE(hello.send(last.get()));
    HandoverMessage answer;
    int looks = 0;
    for (; receive(last.get(), 0ms, answer) != Received::kMessage && looks < 1000; ++looks) control.look();
    EXPECT_EQ(answer.kind, HandoverMessage::Kind::kWelcome);
    EXPECT_GT(looks, 1);
}

}  // namespace
}  // namespace spanring::agent::test
