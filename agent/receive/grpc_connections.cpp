// SPDX-License-Identifier: Apache-2.0
#include "receive/grpc_connections.hpp"

#include <algorithm>
#include <iterator>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "receive/received_bytes.hpp"

namespace spanring::agent {

namespace asio = boost::asio;

namespace {

constexpr int kFirstNumber = 256, kLastNumber = 8192;  // of descriptors that gRPC gets, one after the other

}  // namespace

// Which of them have ended. An epoll of its own: asio's would wake for each byte that comes for gRPC.
class GrpcConnections::Watch : public std::enable_shared_from_this<Watch> {
public:
    Watch(asio::io_context& context, GrpcConnections& owner)
        : owner_(&owner), epoll_(context, ::epoll_create1(EPOLL_CLOEXEC)) {}

    void begin() { wait(); }
    void end() {
        owner_ = nullptr;
        epoll_.close();
    }

    bool add(int socket) {
        epoll_event event{};
        event.events = EPOLLRDHUP;  // and errors, and its end by this side
        event.data.fd = socket;
        return ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, socket, &event) == 0;
    }
    // By name: as long as gRPC has its own descriptor, a close is not the end of it.
    void remove(int socket) { ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, socket, nullptr); }

private:
    void wait() {
        epoll_.async_wait(asio::posix::descriptor_base::wait_read,
                          [self = shared_from_this()](boost::system::error_code error) {
                              if (error || self->owner_ == nullptr) return;
                              self->look();
                              self->wait();
                          });
    }

    void look() {
        epoll_event events[64];
        for (int found = 0; (found = ::epoll_wait(epoll_.native_handle(), events, std::size(events), 0)) > 0;) {
            for (int i = 0; i < found; ++i) owner_->ended(events[i].data.fd);
        }
    }

    GrpcConnections* owner_;
    asio::posix::stream_descriptor epoll_;
};

void GrpcConnections::Connection::shut_down() const {
    // gRPC closes its own descriptor as soon as it notices.
    ::shutdown(own_.get(), SHUT_RDWR);
}

GrpcConnections::GrpcConnections(asio::io_context& context, size_t most, std::function<void(bool)> changed)
    : most_(most), changed_(std::move(changed)), watch_(std::make_shared<Watch>(context, *this)) {
    watch_->begin();
}

GrpcConnections::~GrpcConnections() { watch_->end(); }

Descriptor GrpcConnections::admit(Descriptor socket, Came came, const std::string& origin) {
    if (!make_room()) return {};
    Descriptor given = renumbered(socket.get());
    const int number = socket.get();
    if (!given || !watch_->add(number)) return {};
    // As grpc_server_add_channel_from_fd() names it.
    const auto connection =
        std::make_shared<Connection>(std::move(socket), "fd:" + std::to_string(given.get()), origin, std::move(came));
    {
        const MutexLock lock(mutex_);
        connections_[number] = connection;
        by_peer_[connection->peer_] = connection;  // whoever had the number before has ended
    }
    changed_(true);
    return given;
}

// With a number that no connection has had for long: gRPC tells calls of one by it, and calls of one that has ended may
// still come, which are not to be the fault of whoever has its number next.
Descriptor GrpcConnections::renumbered(int socket) {
    Descriptor made(::fcntl(socket, F_DUPFD_CLOEXEC, std::max(next_number_, kFirstNumber)));
    if (!made || made.get() >= kLastNumber) made = Descriptor(::fcntl(socket, F_DUPFD_CLOEXEC, kFirstNumber));
    if (!made) made = Descriptor(::fcntl(socket, F_DUPFD_CLOEXEC, 0));  // so many there are not
    next_number_ = made.get() + 1;
    return made;
}

bool GrpcConnections::make_room() {
    {
        const MutexLock lock(mutex_);
        if (connections_.size() < most_) return true;
        const Connection* idlest = nullptr;
        for (const auto& [number, connection] : connections_) {
            if (connection->calls_ != 0 || (idlest != nullptr && idlest->used_ <= connection->used_)) continue;
            idlest = connection.get();
        }
        if (idlest == nullptr) return false;
        idlest->shut_down();
        let_go(idlest->own_.get());
    }
    changed_(false);
    return true;
}

GrpcConnections::ConnectionPtr GrpcConnections::begin_call(const std::string& peer) {
    const MutexLock lock(mutex_);
    const auto found = by_peer_.find(peer);
    if (found == by_peer_.end()) return nullptr;
    ++found->second->calls_;
    return found->second;
}

void GrpcConnections::end_call(const ConnectionPtr& connection, bool had_request) {
    if (connection == nullptr) return;
    const MutexLock lock(mutex_);
    --connection->calls_;
    connection->used_ = std::chrono::steady_clock::now();
    connection->futile_ = had_request ? 0 : connection->futile_ + 1;
    if (connection->futile_ > kMostFutile) connection->shut_down();
}

void GrpcConnections::shut_down_busiest(size_t most_calls) {
    const MutexLock lock(mutex_);
    const Connection* busiest = nullptr;
    size_t calls = 0;
    for (const auto& [number, connection] : connections_) {
        calls += connection->calls_;
        if (busiest == nullptr || busiest->calls_ < connection->calls_) busiest = connection.get();
    }
    if (calls > most_calls) busiest->shut_down();
}

bool GrpcConnections::listen() {
    const MutexLock lock(mutex_);
    for (const auto& [number, connection] : connections_) {
        // Relaxed: a figure, nothing is read by it.
        const std::optional<uint64_t> received = connection->counted_ != nullptr
                                                     ? connection->counted_->load(std::memory_order_relaxed)
                                                     : received_bytes(number);
        connection->came_.reset();
        if (received) connection->came_ = *received - std::exchange(connection->received_, *received);
    }
    return !connections_.empty();
}

void GrpcConnections::shut_down_loudest() {
    const MutexLock lock(mutex_);
    uint64_t most = kQuiet;
    for (const auto& [number, connection] : connections_) most = std::max(most, connection->came_.value_or(0));
    for (const auto& [number, connection] : connections_) {
        if (connection->came_.value_or(most) == most) connection->shut_down();
    }
}

void GrpcConnections::ended(int own) {
    {
        const MutexLock lock(mutex_);
        if (connections_.count(own) == 0) return;
        let_go(own);
    }
    changed_(false);
}

void GrpcConnections::let_go(int own) {
    watch_->remove(own);
    const auto found = connections_.find(own);
    const auto named = by_peer_.find(found->second->peer_);
    if (named != by_peer_.end() && named->second == found->second) by_peer_.erase(named);
    connections_.erase(found);
}

}  // namespace spanring::agent
