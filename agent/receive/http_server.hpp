// SPDX-License-Identifier: Apache-2.0
//
// OTLP over HTTP/1.1: POST /v1/traces. Connections are bounded in number, in time and in bytes; a body is read only
// where the receiver has room for it. All of it on the thread that runs the context.
#pragma once

#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}

namespace spanring::agent {

class ListeningSockets;
class Receivers;
struct HttpReceiverOptions;

class HttpServer {
public:
    // Listens at once, on one of `sockets` (null: of its own). Throws std::runtime_error that says where and why not.
    // Context and receivers outlive it.
    HttpServer(boost::asio::io_context& context, const Receivers& receivers, const HttpReceiverOptions& options,
               ListeningSockets* sockets = nullptr);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    void serve();  // begins to accept
    // No connection is accepted, and each ends with its next answer: a client that is told so connects again, where one
    // whose connection ends before it has an answer has to try again.
    void wind_down();
    bool connected() const;  // somebody is
    bool awaited() const;    // somebody is who is about to ask: has begun, or has just connected
    // No connection is accepted and no request is read any more. Those that wait for their answers get them.
    void close();
    bool idle() const;  // nobody waits for an answer

    std::string address() const;  // with the port that the kernel chose

private:
    class Listener;
    std::shared_ptr<Listener> listener_;
};

}  // namespace spanring::agent
