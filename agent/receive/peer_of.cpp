// SPDX-License-Identifier: Apache-2.0
#include "receive/peer_of.hpp"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "base/descriptor.hpp"

namespace spanring::agent {
namespace {

std::string text_of(int family, const void* address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    return ::inet_ntop(family, address, text.data(), text.size()) != nullptr ? text.data() : "";
}

constexpr char kGone[] = "nobody any more";  // who asks and closes at once

std::string of_user(uid_t user) { return "user " + std::to_string(user); }

// Whose the other end of a connection within this host is: the kernel knows it by its addresses. Empty: it does not
// tell.
std::string of_end(const inet_diag_sockid& end, int family) {
    struct {
        nlmsghdr head{};
        inet_diag_req_v2 request{};
    } question;
    question.head.nlmsg_len = sizeof question;
    question.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    question.head.nlmsg_flags = NLM_F_REQUEST;
    question.request.sdiag_family = static_cast<uint8_t>(family);
    question.request.sdiag_protocol = IPPROTO_TCP;
    question.request.idiag_states = ~0U;
    question.request.id = end;
    const Descriptor kernel(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (!kernel || ::send(kernel.get(), &question, sizeof question, 0) != sizeof question) return {};
    alignas(nlmsghdr) std::array<uint8_t, 1024> answer;
    const ssize_t size = ::recv(kernel.get(), answer.data(), answer.size(), MSG_DONTWAIT);  // it has answered by now
    if (size < static_cast<ssize_t>(sizeof(nlmsghdr) + sizeof(inet_diag_msg))) return {};
    nlmsghdr head;
    inet_diag_msg said;
    std::memcpy(&head, answer.data(), sizeof head);
    std::memcpy(&said, answer.data() + sizeof head, sizeof said);
    if (head.nlmsg_type != SOCK_DIAG_BY_FAMILY) return {};
    return said.idiag_inode != 0 ? of_user(said.idiag_uid) : kGone;
}

// Empty, or who has the other end. `peer`, `own`: the addresses of the two.
std::string of_loopback(const sockaddr_storage& peer, const sockaddr_storage& own) {
    inet_diag_sockid end{};
    end.idiag_cookie[0] = end.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    const auto put = [](const sockaddr_storage& name, bool as_ipv4, auto& port, auto& address) {
        if (name.ss_family == AF_INET) {
            sockaddr_in ipv4{};
            std::memcpy(&ipv4, &name, sizeof ipv4);
            port = ipv4.sin_port;
            address[0] = ipv4.sin_addr.s_addr;
            return;
        }
        sockaddr_in6 ipv6{};
        std::memcpy(&ipv6, &name, sizeof ipv6);
        port = ipv6.sin6_port;
        std::memcpy(address, ipv6.sin6_addr.s6_addr + (as_ipv4 ? 12 : 0), as_ipv4 ? 4 : 16);
    };
    const auto is_mapped = [](const sockaddr_storage& name) {
        sockaddr_in6 ipv6{};
        std::memcpy(&ipv6, &name, sizeof ipv6);
        return name.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr);
    };
    const bool as_ipv4 = peer.ss_family == AF_INET || is_mapped(peer);
    put(peer, as_ipv4, end.idiag_sport, end.idiag_src);
    put(own, as_ipv4, end.idiag_dport, end.idiag_dst);
    return of_end(end, as_ipv4 ? AF_INET : AF_INET6);
}

std::string of_unix(int connection) {
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return {};
    return of_user(who.uid);
}

bool is_own(const in_addr& address) { return ntohl(address.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET; }

}  // namespace

std::string peer_of(int connection) {
    sockaddr_storage name{}, own{};
    socklen_t size = sizeof name, own_size = sizeof own;
    if (::getpeername(connection, reinterpret_cast<sockaddr*>(&name), &size) != 0) return {};
    if (name.ss_family == AF_UNIX) return of_unix(connection);
    if (::getsockname(connection, reinterpret_cast<sockaddr*>(&own), &own_size) != 0) return {};
    const auto of_host = [&](int family, const void* address, in_port_t port) {
        std::string user = of_loopback(name, own);
        return user.empty() ? text_of(family, address) + " " + std::to_string(ntohs(port)) : user;
    };
    if (name.ss_family == AF_INET) {
        sockaddr_in ipv4{};
        std::memcpy(&ipv4, &name, sizeof ipv4);
        return is_own(ipv4.sin_addr) ? of_host(AF_INET, &ipv4.sin_addr, ipv4.sin_port)
                                     : text_of(AF_INET, &ipv4.sin_addr);
    }
    if (name.ss_family != AF_INET6) return {};
    sockaddr_in6 ipv6{};
    std::memcpy(&ipv6, &name, sizeof ipv6);
    if (IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr)) {
        in_addr inside{};
        std::memcpy(&inside, ipv6.sin6_addr.s6_addr + 12, sizeof inside);
        return is_own(inside) ? of_host(AF_INET, &inside, ipv6.sin6_port) : text_of(AF_INET, &inside);
    }
    if (IN6_IS_ADDR_LOOPBACK(&ipv6.sin6_addr)) return of_host(AF_INET6, &ipv6.sin6_addr, ipv6.sin6_port);
    std::memset(ipv6.sin6_addr.s6_addr + 8, 0, 8);  // who has one address of IPv6 has 2^64 of them
    return text_of(AF_INET6, &ipv6.sin6_addr) + "/64";
}

}  // namespace spanring::agent
