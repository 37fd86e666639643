// SPDX-License-Identifier: Apache-2.0
#include "receive/peer_of.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "base/descriptor.hpp"

namespace spanring::agent {
namespace {

// Both ends of a connection to a socket of `family` on loopback, by `from`.
struct Pair {
    Pair(int family, int from) {
        const Descriptor listener(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in6 ipv6{};
        ipv6.sin6_family = AF_INET6;
        if (from == AF_INET6) ipv6.sin6_addr = in6addr_loopback;
        sockaddr_in ipv4{};
        ipv4.sin_family = AF_INET;
        ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto* name = family == AF_INET6 ? reinterpret_cast<sockaddr*>(&ipv6) : reinterpret_cast<sockaddr*>(&ipv4);
        socklen_t size = family == AF_INET6 ? sizeof ipv6 : sizeof ipv4;
        if (::bind(listener.get(), name, size) != 0 || ::listen(listener.get(), 8) != 0 ||
            ::getsockname(listener.get(), name, &size) != 0)
            throw std::runtime_error("no such address here");
        if (family == AF_INET6 && from == AF_INET) {
            ipv4.sin_port = ipv6.sin6_port;
            name = reinterpret_cast<sockaddr*>(&ipv4);
            size = sizeof ipv4;
        }
        client = Descriptor(::socket(from, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (::connect(client.get(), name, size) != 0) throw std::runtime_error("cannot connect");
        server = Descriptor(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }

    Descriptor client, server;
};

const std::string kMe = "user " + std::to_string(::geteuid());

TEST(PeerOf, AllConnectionsOfAUserOfThisHostAreOne) {
    const Pair one(AF_INET, AF_INET), two(AF_INET, AF_INET);
    if (peer_of(one.server.get()).starts_with("127.0.0.1 ")) GTEST_SKIP() << "the kernel does not tell";
    EXPECT_EQ(peer_of(one.server.get()), kMe);
    EXPECT_EQ(peer_of(two.server.get()), kMe);
    try {
        EXPECT_EQ(peer_of(Pair(AF_INET6, AF_INET6).server.get()), kMe);
        EXPECT_EQ(peer_of(Pair(AF_INET6, AF_INET).server.get()), kMe) << "mapped";
    } catch (const std::runtime_error&) {  // there is no IPv6
    }
}

TEST(PeerOf, AllWhoHaveClosedTheirEndsAreOne) {
    Pair one(AF_INET, AF_INET), two(AF_INET, AF_INET);
    if (peer_of(one.server.get()) != kMe) GTEST_SKIP() << "the kernel does not tell";
    one.client.reset();
    two.client.reset();
    EXPECT_EQ(peer_of(one.server.get()), "nobody any more");
    EXPECT_EQ(peer_of(two.server.get()), "nobody any more");
}

TEST(PeerOf, OfAUnixSocketItIsTheUser) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const Descriptor one(ends[0]), other(ends[1]);
    EXPECT_EQ(peer_of(one.get()), kMe);
}

}  // namespace
}  // namespace spanring::agent
