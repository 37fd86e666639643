// SPDX-License-Identifier: Apache-2.0

#include "server.hpp"

#include <chrono>
#include <iostream>

namespace shop {

namespace {

// How long a connection may be silent between two requests.
constexpr std::chrono::minutes kIdle{5};
constexpr std::chrono::seconds kWrite{10};

}  // namespace

Server::Server(asio::io_context& context, const Checkout& checkout, unsigned short port)
    : context_{context},
      checkout_{checkout},
      acceptor_{asio::make_strand(context), tcp::endpoint{asio::ip::address_v4::loopback(), port}} {}

void Server::start() { asio::co_spawn(acceptor_.get_executor(), accept(), asio::detached); }

void Server::stop() {
    asio::post(acceptor_.get_executor(), [this] {
        if (!stopping_.exchange(true)) {
            acceptor_.close();
            leave();
        }
    });
}

void Server::leave() {
    if (busy_.fetch_sub(1) == 1) {
        context_.stop();
    }
}

asio::awaitable<void> Server::accept() {
    while (!stopping_) {
        boost::system::error_code error;
        // A strand for each connection: its timer and its reads take turns.
        tcp::socket socket{asio::make_strand(context_)};
        co_await acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
        if (!error) {
            const auto executor = socket.get_executor();
            asio::co_spawn(executor, serve(std::move(socket)), asio::detached);
        } else if (error != asio::error::operation_aborted) {
            std::cerr << "front: accept: " << error.message() << '\n';
        }
    }
}

asio::awaitable<void> Server::serve(tcp::socket socket) {
    boost::system::error_code error;
    socket.set_option(tcp::no_delay{true}, error);
    Stream stream{std::move(socket)};
    beast::flat_buffer buffer;
    bool open = true;
    while (open && !stopping_) {
        Request request;
        stream.expires_after(kIdle);
        co_await http::async_read(stream, buffer, request, asio::redirect_error(asio::use_awaitable, error));
        if (error) {
            break;  // the peer has closed, or speaks no HTTP
        }
        busy_.fetch_add(1);
        auto response = co_await checkout_.answer(request);
        response.keep_alive(request.keep_alive() && !stopping_);
        response.prepare_payload();
        open = response.keep_alive();
        stream.expires_after(kWrite);
        co_await http::async_write(stream, response, asio::redirect_error(asio::use_awaitable, error));
        leave();
        open = open && !error;
    }
    stream.socket().shutdown(tcp::socket::shutdown_send, error);
}

}  // namespace shop
