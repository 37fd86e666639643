// SPDX-License-Identifier: Apache-2.0
//
// Where a server listens: a TCP or a unix socket, as one. Connections come on the thread that runs the context.
//
// Header bill: Asio's sockets, which both of its users hand on.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/generic/stream_protocol.hpp>

#include "base/descriptor.hpp"
#include "base/listening_sockets.hpp"
#include "receive/listen_address.hpp"

namespace boost::asio {
class io_context;
}

namespace spanring::agent {

inline constexpr char kReceiver[] = "receivers.otlp";  // whose most of them are

class Acceptor {
public:
    using Take = std::function<void(Descriptor connection)>;

    // Listens at once, on one of `sockets`; they outlive it, and stay open after close(). Null: on one of its own.
    // Throws std::runtime_error that says where and why not, after `whose`. The context outlives it.
    Acceptor(boost::asio::io_context& context, const ListenAddress& address, const std::string& whose,
             ListeningSockets* sockets = nullptr);
    ~Acceptor();  // as close()
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;

    // Gives each connection to `take`, from now on until close().
    void accept(Take take);
    void accept_no_more();  // but `take` may get one that has been accepted by now
    void close();

    ListenAddress address() const;  // with the port that the kernel chose

private:
    class Socket;
    const std::shared_ptr<Socket> socket_;
};

// A connection that it gave, as Asio's. Nothing: it is of no use any more, and is closed.
std::optional<boost::asio::generic::stream_protocol::socket> connected(boost::asio::io_context& context,
                                                                       Descriptor connection);

}  // namespace spanring::agent
