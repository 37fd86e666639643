// SPDX-License-Identifier: Apache-2.0
//
// A peer that accepts connections and never reads a byte. With `greeting` it says first what an HTTP/2 server says,
// with windows so large that a whole request is pushed into the socket: the write that then never ends is the case in
// which gRPC keeps slices beyond every deadline.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

namespace spanring::agent::test {

class DeafPeer {
public:
    explicit DeafPeer(bool greeting) : greeting_(greeting) {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int small = 4096;  // of receive buffer, so that little is enough to block the writer
        ::setsockopt(listener_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
        socklen_t size = sizeof address;
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        ::listen(listener_, 16);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { run(); });
    }
    ~DeafPeer() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
        for (const int connection : connections_) ::close(connection);
    }

    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

private:
    void run() {
        // SETTINGS: INITIAL_WINDOW_SIZE 2^31-1. WINDOW_UPDATE of the connection.
        static constexpr unsigned char kGreeting[] = {0,    0, 6, 4, 0, 0, 0, 0, 0, 0, 4,    0x7f, 0xff, 0xff,
                                                      0xff, 0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7f, 0xff, 0,    0};
        for (;;) {
            const int connection = ::accept(listener_, nullptr, nullptr);
            if (connection < 0) return;
            connections_.push_back(connection);
            if (greeting_ && ::send(connection, kGreeting, sizeof kGreeting, MSG_NOSIGNAL) < 0) continue;
        }
    }

    const bool greeting_;
    int listener_ = -1;
    int port_ = 0;
    std::vector<int> connections_;  // the thread's, until it is joined
    std::thread thread_;
};

}  // namespace spanring::agent::test
