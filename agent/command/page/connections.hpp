// SPDX-License-Identifier: Apache-2.0
//
// The page's connections: HTTP/1.1, over TLS or not, one request of each at a time. Bounded in number, in the bytes of
// a head, and in the time that a peer may take to send one and to take its answer. All on the thread that runs the
// context.
//
// Header bill: Beast's messages, which its two users need.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "receive/listen_address.hpp"

namespace boost::asio {
class io_context;
}

namespace spanring::agent {

using PageRequest = boost::beast::http::request<boost::beast::http::empty_body>;
using PageResponse = boost::beast::http::response<boost::beast::http::string_body>;

// One request that waits for its answer.
class PageExchange {
public:
    virtual ~PageExchange() = default;

    virtual void answer(PageResponse response) = 0;          // once
    virtual void when_gone(std::function<void()> then) = 0;  // nobody waits for the answer any more
    void note_trusted() { trusted_ = true; }                 // another one gives way to it

protected:
    bool trusted_ = false;
};

struct PageTls {
    std::string certificate, key;  // files; empty: none
};

class PageConnections {
public:
    using Handler = std::function<void(const PageRequest& request, const std::shared_ptr<PageExchange>& exchange)>;
    static constexpr size_t kMost = 64;

    // Listens at once. Throws std::runtime_error that says what it cannot.
    PageConnections(boost::asio::io_context& context, const ListenAddress& address, const PageTls& tls);
    ~PageConnections();  // everything is closed
    PageConnections(const PageConnections&) = delete;
    PageConnections& operator=(const PageConnections&) = delete;

    void serve(Handler handler);
    ListenAddress address() const;  // with the port that the kernel chose

private:
    class Listener;
    const std::shared_ptr<Listener> listener_;
};

}  // namespace spanring::agent
