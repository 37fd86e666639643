// SPDX-License-Identifier: Apache-2.0
#include "base/listening_sockets.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/temporary_directory.hpp"

namespace spanring::agent {
namespace {

using testing::HasSubstr;

constexpr char kHost[] = "127.0.0.1";

uint16_t port_of(const Descriptor& socket) {
    sockaddr_in name{};
    socklen_t size = sizeof name;
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size);
    return ntohs(name.sin_port);
}

ino_t inode_of(const Descriptor& socket) {
    struct stat status {};
    ::fstat(socket.get(), &status);
    return status.st_ino;
}

bool listens(uint16_t port) {
    const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::connect(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) == 0;
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

// As another process gets them.
std::vector<ListeningSockets::Handed> handed(const ListeningSockets& sockets) {
    std::vector<ListeningSockets::Handed> all;
    for (const ListeningSockets::Open& open : sockets.all())
        all.push_back({open.address, Descriptor(::dup(open.socket))});
    return all;
}

TEST(ListeningSocketsTest, StayOpenWhileServersComeAndGo) {
    ListeningSockets sockets;
    Descriptor first = sockets.tcp(kHost, 0);
    const uint16_t port = port_of(first);
    const ino_t inode = inode_of(first);
    first.reset();
    EXPECT_TRUE(listens(port));
    sockets.all_unused();
    const Descriptor second = sockets.tcp(kHost, 0);
    EXPECT_EQ(inode_of(second), inode);
    sockets.close();
    EXPECT_TRUE(listens(port)) << "whoever has one keeps it";
}

TEST(ListeningSocketsTest, AreNobodysTwice) {
    ListeningSockets sockets;
    const Descriptor first = sockets.tcp(kHost, 0), second = sockets.tcp(kHost, 0);
    EXPECT_NE(port_of(first), port_of(second));
    try {
        sockets.tcp(kHost, port_of(first));
        FAIL();
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("Address already in use"));
    }
}

TEST(ListeningSocketsTest, OfAnotherAreFoundByWhereTheyListen) {
    ListeningSockets old, fresh;
    const Descriptor chosen = old.tcp(kHost, 0);
    const uint16_t port = port_of(chosen);
    fresh.adopt(handed(old));
    const Descriptor taken = fresh.tcp("localhost", port);  // another name for it
    EXPECT_EQ(inode_of(taken), inode_of(chosen));
}

TEST(ListeningSocketsTest, ThatNobodyWantsAreClosedWithTheirFiles) {
    const test::TemporaryDirectory directory;
    const std::string wanted = directory.file("wanted"), left = directory.file("left");
    ListeningSockets old, fresh;
    {
        const Descriptor one = old.unix_socket(wanted), other = old.unix_socket(left);
        fresh.adopt(handed(old));
    }
    old.let_go();
    EXPECT_TRUE(exists(wanted) && exists(left)) << "they are another's";
    const Descriptor kept = fresh.unix_socket(wanted);
    fresh.close_unused();
    EXPECT_TRUE(exists(wanted));
    EXPECT_FALSE(exists(left));
    fresh.close();
    EXPECT_FALSE(exists(wanted));
}

TEST(ListeningSocketsTest, TakeNobodyElsesPlace) {
    const test::TemporaryDirectory directory;
    const std::string path = directory.file("socket");
    ListeningSockets one, other;
    const Descriptor socket = one.unix_socket(path);
    EXPECT_THROW(other.unix_socket(path), std::runtime_error);
    EXPECT_TRUE(exists(path));
    const std::string file = directory.file("file");
    ::close(::creat(file.c_str(), 0600));
    EXPECT_THROW(other.unix_socket(file), std::runtime_error);
    EXPECT_TRUE(exists(file));
}

TEST(ListeningSocketsTest, TakeThePlaceOfOneThatIsDead) {
    const test::TemporaryDirectory directory;
    const std::string path = directory.file("socket");
    {
        ListeningSockets killed;
        const Descriptor socket = killed.unix_socket(path);
        killed.let_go();
    }
    ASSERT_TRUE(exists(path));
    ListeningSockets next;
    EXPECT_TRUE(next.unix_socket(path));
}

TEST(ListeningSocketsTest, MayBeOfAnotherKind) {
    ListeningSockets sockets;
    const auto open = [] { return Descriptor(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)); };
    const Descriptor first = sockets.named("control", open);
    sockets.all_unused();
    sockets.close_unused();
    ASSERT_EQ(sockets.all().size(), 1u) << "whoever has it goes on";
    ListeningSockets next;
    next.adopt(handed(sockets));
    EXPECT_EQ(inode_of(next.named("control", open)), inode_of(first));
}

}  // namespace
}  // namespace spanring::agent
