// SPDX-License-Identifier: Apache-2.0
//
// Connections whose sockets were given to gRPC, which bounds neither their number nor what they cost, and keeps what it
// has of a message until its connection ends. So each has a second descriptor here: by it the connection is shut down,
// and its end is noticed. Any thread, where nothing else is said.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/descriptor.hpp"
#include "base/mutex.hpp"

namespace boost::asio {
class io_context;
}

namespace spanring::agent {

class GrpcConnections {
public:
    static constexpr size_t kMostFutile = 1000;   // calls without a request, one after the other
    static constexpr uint64_t kQuiet = 64 << 10;  // bytes between two looks, which keep no thread busy

    using Came = std::shared_ptr<const std::atomic<uint64_t>>;

    // One connection; lives as long as somebody has it.
    class Connection {
    public:
        Connection(Descriptor own, std::string peer, std::string origin, Came came)
            : own_(std::move(own)), peer_(std::move(peer)), origin_(std::move(origin)), counted_(std::move(came)) {}
        const std::string& origin() const { return origin_; }
        void shut_down() const;  // what is under way on it fails

    private:
        friend class GrpcConnections;
        const Descriptor own_;
        const std::string peer_, origin_;
        const Came counted_;
        // Under the mutex of the connections.
        size_t calls_ = 0;
        size_t futile_ = 0;
        uint64_t received_ = 0;             // bytes, in all
        std::optional<uint64_t> came_ = 0;  // of these, lately; nothing: that cannot be told
        std::chrono::steady_clock::time_point used_ = std::chrono::steady_clock::now();
    };
    using ConnectionPtr = std::shared_ptr<Connection>;

    // `changed` is called on the thread that runs the context: one was opened (true), or ended.
    GrpcConnections(boost::asio::io_context& context, size_t most, std::function<void(bool opened)> changed);
    ~GrpcConnections();
    GrpcConnections(const GrpcConnections&) = delete;
    GrpcConnections& operator=(const GrpcConnections&) = delete;

    // That thread. What is to be given to gRPC; none: it may not, for beyond the bound there is no idle one to end for
    // it. `came`: the bytes that came so far, where somebody counts them; null: the kernel is asked. `origin`: whom it
    // comes from.
    Descriptor admit(Descriptor socket, Came came = nullptr, const std::string& origin = {});

    // By gRPC's name of the peer. Null: it has ended.
    ConnectionPtr begin_call(const std::string& peer);
    // Whoever makes calls without a request and nothing else is shut down.
    void end_call(const ConnectionPtr& connection, bool had_request);
    // The one with the most calls, where all together have more than that. What is still open of connections that have
    // ended is nobody's fault any more.
    void shut_down_busiest(size_t most_calls);

    // Counts what has come. Whether there are any.
    bool listen();
    // The one of which most came between the last two times, unless that is next to nothing: who made the noise has
    // ended. Where it cannot be told (unix sockets) all of them.
    void shut_down_loudest();

private:
    class Watch;

    bool make_room();
    Descriptor renumbered(int socket);
    void ended(int own);
    void let_go(int own) SPR_REQUIRES(mutex_);

    const size_t most_;
    const std::function<void(bool)> changed_;
    const std::shared_ptr<Watch> watch_;
    int next_number_ = 0;

    Mutex mutex_;
    std::unordered_map<int, ConnectionPtr> connections_ SPR_GUARDED_BY(mutex_);  // by the descriptor here
    std::unordered_map<std::string, ConnectionPtr> by_peer_ SPR_GUARDED_BY(mutex_);
};

}  // namespace spanring::agent
