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
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/standing_trouble.hpp"

namespace spanring::agent {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::chrono::seconds kPause{1};  // when there is no descriptor for one more

}  // namespace

class Acceptor::Socket : public std::enable_shared_from_this<Socket> {
public:
    Socket(asio::io_context& context, const ListenAddress& address, const std::string& whose)
        : context_(context), address_(address), whose_(whose) {
        address_.is_unix() ? listen_unix() : listen_tcp();
    }
    ~Socket() {
        if (unix_) ::unlink(address_.path.c_str());
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    void accept(Take take) {
        take_ = std::move(take);
        accept_one();
    }

    void close() {
        if (std::exchange(closed_, true)) return;
        error_code ignored;
        if (tcp_) tcp_->close(ignored);
        if (unix_) unix_->close(ignored);
        pause_.cancel();
        take_ = nullptr;
    }

    ListenAddress address() const {
        if (unix_) return address_;
        const auto endpoint = tcp_->local_endpoint();
        return {endpoint.address().to_string(), endpoint.port(), ""};
    }

private:
    std::runtime_error cannot_listen(const std::string& why) const {
        return std::runtime_error(whose_ + ": cannot listen on " + address_.text() + ": " + why);
    }

    // A socket that no process listens on any more.
    void remove_stale_socket() {
        struct stat found {};
        if (::lstat(address_.path.c_str(), &found) != 0) return;
        if (!S_ISSOCK(found.st_mode)) throw cannot_listen("there is a file that is not a socket");
        asio::local::stream_protocol::socket probe(context_);
        error_code error;
        probe.connect(asio::local::stream_protocol::endpoint(address_.path), error);
        if (!error) throw cannot_listen("somebody listens there already");
        ::unlink(address_.path.c_str());
    }

    void listen_tcp() {
        using asio::ip::tcp;
        error_code error;
        tcp::resolver resolver(context_);
        const auto found = resolver.resolve(address_.host, std::to_string(address_.port),
                                            tcp::resolver::passive | tcp::resolver::numeric_service, error);
        const auto check = [&] {
            if (error) throw cannot_listen(error.message());
        };
        check();
        const tcp::endpoint endpoint = found.begin()->endpoint();
        tcp_.emplace(context_);
        tcp_->open(endpoint.protocol(), error);
        check();
        ::fcntl(tcp_->native_handle(), F_SETFD, FD_CLOEXEC);
        // Connections of an agent that has just ended do not keep the next one from its port.
        tcp_->set_option(tcp::acceptor::reuse_address(true), error);
        tcp_->bind(endpoint, error);
        check();
        tcp_->listen(tcp::acceptor::max_listen_connections, error);
        check();
    }

    void listen_unix() {
        using asio::local::stream_protocol;
        remove_stale_socket();
        error_code error;
        unix_.emplace(context_);
        unix_->open(stream_protocol(), error);
        if (!error) {
            ::fcntl(unix_->native_handle(), F_SETFD, FD_CLOEXEC);
            unix_->bind(stream_protocol::endpoint(address_.path), error);  // the umask: for this user alone
        }
        if (!error) unix_->listen(stream_protocol::acceptor::max_listen_connections, error);
        if (error) {
            unix_.reset();
            throw cannot_listen(error.message());
        }
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
        if (closed_) return;
        if (error) {
            if (trouble_.begin("takes no connections at " + address_.text() + ": " + error.message()))
                spdlog::error("{}: takes no connections at {}: {}", whose_, address_.text(), error.message());
            pause_.expires_after(kPause);
            return pause_.async_wait([self = shared_from_this()](error_code) {
                if (!self->closed_) self->accept_one();
            });
        }
        if (trouble_.end()) spdlog::info("{}: takes connections at {} again", whose_, address_.text());
        take_(std::move(connection));
        if (!closed_) accept_one();
    }

    asio::io_context& context_;
    const ListenAddress address_;
    const std::string whose_;
    std::optional<asio::ip::tcp::acceptor> tcp_;
    std::optional<asio::local::stream_protocol::acceptor> unix_;
    asio::steady_timer pause_{context_};
    Take take_;
    StandingTrouble trouble_{whose_, "not_accepting"};
    bool closed_ = false;
};

Acceptor::Acceptor(asio::io_context& context, const ListenAddress& address, const std::string& whose)
    : socket_(std::make_shared<Socket>(context, address, whose)) {}
Acceptor::~Acceptor() { socket_->close(); }
void Acceptor::accept(Take take) { socket_->accept(std::move(take)); }
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
