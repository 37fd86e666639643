// SPDX-License-Identifier: Apache-2.0
//
// A file of its own: the kernel's header and glibc's do not go together.
#include "receive/received_bytes.hpp"

#include <linux/tcp.h>  // of glibc's struct tcp_info the end is missing
#include <netinet/in.h>
#include <sys/socket.h>

namespace spanring::agent {

std::optional<uint64_t> received_bytes(int socket) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
    return info.tcpi_bytes_received;
}

}  // namespace spanring::agent
