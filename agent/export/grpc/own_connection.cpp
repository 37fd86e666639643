// SPDX-License-Identifier: Apache-2.0
#include "export/grpc/own_connection.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include <grpcpp/channel.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/support/channel_arguments.h>

#include "base/named_thread.hpp"
#include "base/unix_address.hpp"
#include "export/grpc/library_sockets.hpp"

namespace spanring::agent {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kConnectTime{5};
constexpr std::chrono::seconds kPause{1};  // between attempts
constexpr int kStep = 100;                 // ms between looks at `stop`

// Waits for a connect() under way. True: connected.
bool finish_connect(int socket, Clock::time_point deadline, const std::function<bool()>& stopping) {
    while (Clock::now() < deadline && !stopping()) {
        pollfd wait{socket, POLLOUT, 0};
        const int events = ::poll(&wait, 1, kStep);
        if (events < 0 && errno != EINTR) return false;
        if (events <= 0) continue;
        int error = 0;
        socklen_t size = sizeof error;
        return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
    }
    return false;
}

// None: not connected.
Descriptor connect_to(const sockaddr* address, socklen_t size, Clock::time_point deadline,
                      const std::function<bool()>& stopping) {
    Descriptor socket(::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) return {};
    if (address->sa_family != AF_UNIX) {
        const int on = 1;
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
    }
    const int result = ::connect(socket.get(), address, size);
    if (result == 0 || (errno == EINPROGRESS && finish_connect(socket.get(), deadline, stopping))) return socket;
    return {};
}

}  // namespace

OwnConnection::OwnConnection(Endpoint endpoint, const grpc::ChannelArguments& arguments, std::function<void()> on_ready)
    : endpoint_(std::move(endpoint)),
      arguments_(std::make_unique<grpc::ChannelArguments>(arguments)),
      on_ready_(std::move(on_ready)) {}

OwnConnection::~OwnConnection() {
    {
        const MutexLock lock(mutex_);
        stop_ = true;
    }
    if (thread_.joinable()) thread_.join();
    cut();
}

bool OwnConnection::stopping() {
    const MutexLock lock(mutex_);
    return stop_;
}

bool OwnConnection::pending() {
    if (channel_ != nullptr) return false;
    const MutexLock lock(mutex_);
    if (connecting_) return true;
    if (connected_ || Clock::now() < next_attempt_) return false;
    next_attempt_ = Clock::now() + kPause;
    if (thread_.joinable()) thread_.join();  // it has ended: connecting_ is false
    connecting_ = true;
    thread_ = named_thread("connect", [this] { connect(); });
    return true;
}

std::shared_ptr<grpc::Channel> OwnConnection::channel() {
    if (channel_ != nullptr) return channel_;
    const MutexLock lock(mutex_);
    if (!connected_) return nullptr;
    Descriptor socket = std::move(connected_);
    socket_ = Descriptor(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
    if (!socket_) return nullptr;
    channel_ = grpc::CreateCustomInsecureChannelFromFd(endpoint_.authority(), socket.release(), *arguments_);
    return channel_;
}

void OwnConnection::cut() {
    if (!socket_) return;
    ::shutdown(socket_.get(), SHUT_RDWR);
    socket_.reset();
    channel_.reset();
}

void OwnConnection::connect() {
    Descriptor socket = open_socket(Clock::now() + kConnectTime);
    {
        const MutexLock lock(mutex_);
        connected_ = std::move(socket);
        connecting_ = false;
    }
    on_ready_();
}

Descriptor OwnConnection::open_socket(Clock::time_point deadline) {
    const std::function<bool()> stop = [this] { return stopping(); };
    if (endpoint_.unix_socket()) {
        const UnixAddress address(endpoint_.path);
        return connect_to(address.get(), address.size(), deadline, stop);
    }
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(endpoint_.host.c_str(), endpoint_.port.c_str(), &hints, &found) != 0) return {};
    Descriptor socket;
    for (const addrinfo* at = found; at != nullptr && !socket && !stop(); at = at->ai_next) {
        socket = connect_to(at->ai_addr, at->ai_addrlen, deadline, stop);
    }
    ::freeaddrinfo(found);
    return socket;
}

}  // namespace spanring::agent
