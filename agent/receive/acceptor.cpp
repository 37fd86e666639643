// SPDX-License-Identifier: Apache-2.0
#include "receive/acceptor.hpp"

#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include "base/standing_trouble.hpp"

namespace spanring::agent {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::chrono::seconds kPause{1};  // when there is no descriptor for one more

}  // namespace

class Acceptor::Socket : public std::enable_shared_from_this<Socket> {
public:
    Socket(asio::io_context& context, const ListenAddress& address, const std::string& whose, ListeningSockets* sockets)
        : context_(context), address_(address), whose_(whose), sockets_(sockets != nullptr ? *sockets : own_) {
        try {
            listen();
        } catch (const std::exception& error) {
            throw std::runtime_error(whose_ + ": cannot listen on " + address_.text() + ": " + error.what());
        }
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    void accept(Take take) {
        take_ = std::move(take);
        accept_one();
    }

    // Released, not closed: others may have the socket too, and then a close does not end the watch over it.
    void accept_no_more() {
        if (std::exchange(ending_, true)) return;
        error_code ignored;
        if (tcp_) Descriptor(tcp_->release(ignored)).reset();
        if (unix_) Descriptor(unix_->release(ignored)).reset();
        pause_.cancel();
    }

    void close() {
        accept_no_more();
        closed_ = true;
        own_.close();
        take_ = nullptr;
    }

    ListenAddress address() const {
        if (unix_) return address_;
        const auto endpoint = tcp_->local_endpoint();
        return {endpoint.address().to_string(), endpoint.port(), ""};
    }

private:
    void listen() {
        if (address_.is_unix()) {
            Descriptor socket = sockets_.unix_socket(address_.path);
            unix_.emplace(context_, asio::local::stream_protocol(), socket.get());
            socket.release();
            return;
        }
        Descriptor socket = sockets_.tcp(address_.host, address_.port);
        sockaddr_storage name{};
        socklen_t size = sizeof name;
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size);
        tcp_.emplace(context_, name.ss_family == AF_INET6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), socket.get());
        socket.release();
    }

    void accept_one() {
        const auto then = [self = shared_from_this()](error_code error, auto socket) {
            self->accepted(error, error ? Descriptor() : Descriptor(socket.release()));
        };
        if (tcp_)
            tcp_->async_accept(then);
        else
            unix_->async_accept(then);
    }

    void accepted(const error_code& error, Descriptor connection) {
        if (closed_ || (error && ending_)) return;
        if (error) {
            if (trouble_.begin("takes no connections at " + address_.text() + ": " + error.message()))
                spdlog::error("{}: takes no connections at {}: {}", whose_, address_.text(), error.message());
            pause_.expires_after(kPause);
            return pause_.async_wait([self = shared_from_this()](error_code) {
                if (!self->ending_) self->accept_one();
            });
        }
        if (trouble_.end()) spdlog::info("{}: takes connections at {} again", whose_, address_.text());
        take_(std::move(connection));
        if (!ending_) accept_one();
    }

    asio::io_context& context_;
    const ListenAddress address_;
    const std::string whose_;
    ListeningSockets own_;  // where no others are given
    ListeningSockets& sockets_;
    std::optional<asio::ip::tcp::acceptor> tcp_;
    std::optional<asio::local::stream_protocol::acceptor> unix_;
    asio::steady_timer pause_{context_};
    Take take_;
    StandingTrouble trouble_{whose_, "not_accepting"};
    bool ending_ = false;
    bool closed_ = false;
};

Acceptor::Acceptor(asio::io_context& context, const ListenAddress& address, const std::string& whose,
                   ListeningSockets* sockets)
    : socket_(std::make_shared<Socket>(context, address, whose, sockets)) {}
Acceptor::~Acceptor() { socket_->close(); }
void Acceptor::accept(Take take) { socket_->accept(std::move(take)); }
void Acceptor::accept_no_more() { socket_->accept_no_more(); }
void Acceptor::close() { socket_->close(); }
ListenAddress Acceptor::address() const { return socket_->address(); }

std::optional<asio::generic::stream_protocol::socket> connected(asio::io_context& context, Descriptor connection) {
    using asio::generic::stream_protocol;
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(connection.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return std::nullopt;
    stream_protocol::socket socket(context);
    error_code error;
    socket.assign(stream_protocol(address.ss_family, 0), connection.get(), error);
    if (error) return std::nullopt;
    connection.release();  // it is the other's
    return socket;
}

}  // namespace spanring::agent
