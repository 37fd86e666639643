// SPDX-License-Identifier: Apache-2.0
#include "export/stream/socket_peer.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "base/error_text.hpp"
#include "base/unix_address.hpp"

namespace spanring::agent {

SocketPeer::SocketPeer(std::string path, std::optional<uid_t> uid)
    : path_(std::move(path)), name_("unix:" + path_), uid_(uid) {}

// A unix socket is connected at once, or has too many who wait.
std::string SocketPeer::open() {
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) return std::string("no socket: ") + error_text(errno);
    const UnixAddress address(path_);
    if (::connect(socket.get(), address.get(), address.size()) != 0) {
        if (errno == EAGAIN) return "it cannot be reached: too many others wait for it";
        return std::string("it cannot be reached: ") + error_text(errno);
    }
    if (uid_) {
        ucred peer{};
        socklen_t size = sizeof peer;
        if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
            return std::string("who listens there is not known: ") + error_text(errno);
        if (peer.uid != *uid_)
            return "user " + std::to_string(peer.uid) + " listens there, not user " + std::to_string(*uid_);
    }
    socket_ = std::move(socket);
    return {};
}

}  // namespace spanring::agent
