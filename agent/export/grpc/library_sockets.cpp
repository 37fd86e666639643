// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/library_sockets.hpp"

#include <linux/tcp.h>  // of glibc's struct tcp_info the end is missing
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/quantity.hpp"
#include "base/unix_address.hpp"

namespace spanring::agent {

namespace {

using std::chrono::milliseconds;

constexpr int kApart = 1000;  // ms; whole seconds are what others have, a server's 20 s by default for one

milliseconds unlike_the_others(milliseconds timeout) {
    static std::atomic<unsigned> transports{0};
    const milliseconds whole = (timeout + milliseconds(kApart - 1)) / kApart * kApart;
    return whole + milliseconds(1 + transports.fetch_add(1, std::memory_order_relaxed) % (kApart - 1));
}

bool is_connected_to(int socket, const UnixAddress& address) {
    sockaddr_un peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) != 0 || peer.sun_family != AF_UNIX) {
        return false;
    }
    return size == address.size() && std::memcmp(&peer, address.get(), size) == 0;
}

void reset(int socket) {
    // gRPC closes it as soon as it notices, and that resets the connection: what the peer sent meanwhile is unread.
    const linger at_once{1, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::shutdown(socket, SHUT_RDWR);
}

}  // namespace

LibrarySockets::LibrarySockets(milliseconds timeout, std::string unix_path)
    : timeout_(unlike_the_others(timeout)), unix_path_(std::move(unix_path)) {}

template <class Visit>
void LibrarySockets::each(Visit&& visit) const {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
        const auto number = parse_unsigned(entry.path().filename().string());
        if (!number) continue;
        const int socket = static_cast<int>(*number);
        if (owns(socket)) visit(socket);
    }
}

void LibrarySockets::bound() const {
    each([](int socket) { ::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer); });
}

void LibrarySockets::shut_down() const { each(reset); }

std::optional<uint64_t> LibrarySockets::received() const {
    if (!unix_path_.empty()) return std::nullopt;
    uint64_t bytes = 0;
    each([&](int socket) {
        tcp_info info{};
        socklen_t size = sizeof info;
        if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0) bytes += info.tcpi_bytes_received;
    });
    return bytes;
}

bool LibrarySockets::owns(int socket) const {
    if (!unix_path_.empty()) return is_connected_to(socket, UnixAddress(unix_path_));
    unsigned timeout = 0;
    socklen_t size = sizeof timeout;
    return ::getsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, &size) == 0 &&
           timeout == static_cast<unsigned>(timeout_.count());
}

}  // namespace spanring::agent
