// SPDX-License-Identifier: Apache-2.0
#include "base/listening_sockets.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error_text.hpp"
#include "base/unix_address.hpp"

namespace spanring::agent {
namespace {

constexpr char kUnix[] = "unix:";

struct Name {
    sockaddr_storage address{};
    socklen_t size = 0;

    bool operator==(const Name& other) const {
        return size == other.size && std::memcmp(&address, &other.address, size) == 0;
    }
};

Name name_of(int socket) {
    Name name;
    name.size = sizeof name.address;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&name.address), &name.size) != 0) name.size = 0;
    return name;
}

[[noreturn]] void fail() { throw std::runtime_error(error_text(errno)); }

Name resolved(const std::string& host, uint16_t port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (error == EAI_SYSTEM) fail();
    if (error != 0) throw std::runtime_error(::gai_strerror(error));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, &::freeaddrinfo);
    Name name;
    name.size = found->ai_addrlen;
    std::memcpy(&name.address, found->ai_addr, found->ai_addrlen);
    return name;
}

// A socket that no process listens on any more.
void remove_stale_socket(const std::string& path) {
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0) return;
    if (!S_ISSOCK(found.st_mode)) throw std::runtime_error("there is a file that is not a socket");
    const UnixAddress address(path);
    const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // EAGAIN: so many wait to be accepted that there is no room for one more.
    if (probe && (::connect(probe.get(), address.get(), address.size()) == 0 || errno == EAGAIN))
        throw std::runtime_error("somebody listens there already");
    ::unlink(path.c_str());
}

}  // namespace

void ListeningSockets::adopt(std::vector<Handed> sockets) {
    for (Handed& handed : sockets) sockets_.push_back({std::move(handed.address), std::move(handed.socket)});
}

Descriptor ListeningSockets::use(Socket& socket) {
    Descriptor own(::fcntl(socket.socket.get(), F_DUPFD_CLOEXEC, 0));
    if (!own) fail();
    socket.used = true;
    return own;
}

Descriptor ListeningSockets::keep(std::string address, Descriptor socket) {
    return use(sockets_.emplace_back(Socket{std::move(address), std::move(socket)}));
}

Descriptor ListeningSockets::tcp(const std::string& host, uint16_t port) {
    const std::string address = host + " " + std::to_string(port);
    const Name wanted = resolved(host, port);
    for (Socket& socket : sockets_) {
        if (socket.used) continue;
        if (port == 0 ? socket.address == address : name_of(socket.socket.get()) == wanted) return use(socket);
    }
    Descriptor socket(::socket(wanted.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
    const int on = 1;
    // Connections of an agent that has just ended do not keep the next one from its port.
    if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&wanted.address), wanted.size) != 0 ||
        ::listen(socket.get(), SOMAXCONN) != 0)
        fail();
    return keep(address, std::move(socket));
}

Descriptor ListeningSockets::unix_socket(const std::string& path) {
    const std::string address = kUnix + path;
    for (Socket& socket : sockets_) {
        if (!socket.used && socket.address == address) return use(socket);
    }
    remove_stale_socket(path);
    const UnixAddress name(path);
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // The umask: for this user alone.
    if (!socket || ::bind(socket.get(), name.get(), name.size()) != 0 || ::listen(socket.get(), SOMAXCONN) != 0) fail();
    return keep(address, std::move(socket));
}

Descriptor ListeningSockets::named(const std::string& name, const std::function<Descriptor()>& open) {
    auto found = std::find_if(sockets_.begin(), sockets_.end(),
                              [&](const Socket& socket) { return !socket.used && socket.address == name; });
    if (found == sockets_.end()) found = sockets_.insert(found, Socket{name, open(), false, true});
    found->lasting = true;
    return use(*found);
}

void ListeningSockets::all_unused() {
    for (Socket& socket : sockets_) socket.used = socket.used && socket.lasting;
}

void ListeningSockets::close_unused() {
    std::erase_if(sockets_, [](const Socket& socket) {
        if (!socket.used && socket.address.starts_with(kUnix)) ::unlink(socket.address.c_str() + std::strlen(kUnix));
        return !socket.used;
    });
}

void ListeningSockets::close() {
    for (Socket& socket : sockets_) socket.used = false;
    close_unused();
}

void ListeningSockets::let_go() { sockets_.clear(); }

std::vector<ListeningSockets::Open> ListeningSockets::all() const {
    std::vector<Open> open;
    for (const Socket& socket : sockets_) open.push_back({socket.address, socket.socket.get()});
    return open;
}

}  // namespace spanring::agent
