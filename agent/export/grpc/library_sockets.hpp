// SPDX-License-Identifier: Apache-2.0
//
// The sockets that gRPC opens for one transport. It hands them to nobody, and a connection that is being closed stays
// open for as long as a write is under way: a peer that sends without an end what has to be acknowledged keeps it open
// for ever, at the price of a core. So they are found among the process's own and shut down. A TCP connection is known
// by its TCP_USER_TIMEOUT, which gRPC sets to the keepalive's time-out and each transport chooses differently; that
// holds behind a proxy and under TLS, too. A unix socket is known by the path of its peer.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace spanring::agent {

// SO_RCVBUF, in bytes. An answer has some hundred. The kernel lets a fast peer have 6 MB, or 32 (tcp(7), tcp_rmem), and
// gRPC reads for as long as there is more, into a buffer that doubles as it is filled: with 48 KiB, which it does not
// empty faster than they are filled, a flood of pings cost 45 MB, with these 5.
inline constexpr int kReceiveBuffer = 8 << 10;

class LibrarySockets {
public:
    // `unix_path`: as in Endpoint; empty for TCP.
    LibrarySockets(std::chrono::milliseconds timeout, std::string unix_path);

    // For GRPC_ARG_KEEPALIVE_TIMEOUT_MS: `timeout`, and up to a second more. No two of a thousand transports share it.
    std::chrono::milliseconds keepalive_timeout() const { return timeout_; }

    // Bytes that came over those that are open now. None: it cannot be told (a unix socket). As the others it goes
    // through all descriptors of the process.
    std::optional<uint64_t> received() const;

    // Of those that are open now, what the kernel keeps unread does not grow.
    void bound() const;

    // Ends what is open now; reads and writes of it fail at once. From any thread.
    void shut_down() const;

private:
    template <class Visit>
    void each(Visit&& visit) const;
    bool owns(int socket) const;

    const std::chrono::milliseconds timeout_;
    const std::string unix_path_;
};

}  // namespace spanring::agent
