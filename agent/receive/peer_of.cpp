// SPDX-License-Identifier: Apache-2.0
#include "receive/peer_of.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

namespace spanring::agent {
namespace {

std::string text_of(int family, const void* address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    return ::inet_ntop(family, address, text.data(), text.size()) != nullptr ? text.data() : "";
}

std::string of_unix(int connection) {
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return {};
    return "process " + std::to_string(who.pid);
}

std::string of_ipv4(const in_addr& address, in_port_t port) {
    const bool own = ntohl(address.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET;
    return text_of(AF_INET, &address) + (own ? ":" + std::to_string(ntohs(port)) : "");
}

}  // namespace

std::string peer_of(int connection) {
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    if (::getpeername(connection, reinterpret_cast<sockaddr*>(&name), &size) != 0) return {};
    if (name.ss_family == AF_UNIX) return of_unix(connection);
    if (name.ss_family == AF_INET) {
        sockaddr_in ipv4{};
        std::memcpy(&ipv4, &name, sizeof ipv4);
        return of_ipv4(ipv4.sin_addr, ipv4.sin_port);
    }
    if (name.ss_family != AF_INET6) return {};
    sockaddr_in6 ipv6{};
    std::memcpy(&ipv6, &name, sizeof ipv6);
    if (IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr)) {
        in_addr inside{};
        std::memcpy(&inside, ipv6.sin6_addr.s6_addr + 12, sizeof inside);
        return of_ipv4(inside, ipv6.sin6_port);
    }
    const bool own = IN6_IS_ADDR_LOOPBACK(&ipv6.sin6_addr);
    // Who has one address of IPv6 has 2^64 of them.
    std::memset(ipv6.sin6_addr.s6_addr + 8, 0, own ? 0 : 8);
    return text_of(AF_INET6, &ipv6.sin6_addr) + (own ? " " + std::to_string(ntohs(ipv6.sin6_port)) : "/64");
}

}  // namespace spanring::agent
