// SPDX-License-Identifier: Apache-2.0
//
// Listens on 127.0.0.1 and answers on as many threads as run the io_context. stop() lets every request that has been
// read be answered, then stops the io_context; connections that wait for a next request go with it.
#pragma once

#include "../coroutines.hpp"
#include "checkout.hpp"

#include <atomic>

namespace shop {

class Server {
public:
    Server(asio::io_context& context, const Checkout& checkout, unsigned short port);

    unsigned short port() const { return acceptor_.local_endpoint().port(); }
    void start();
    // From any thread.
    void stop();

private:
    asio::awaitable<void> accept();
    asio::awaitable<void> serve(tcp::socket socket);
    void leave();

    asio::io_context& context_;
    const Checkout& checkout_;
    tcp::acceptor acceptor_;
    // Requests that are worked on, and one more as long as the server is not stopping: at 0 everything is answered.
    std::atomic<unsigned> busy_ = 1;
    std::atomic<bool> stopping_ = false;
};

}  // namespace shop
