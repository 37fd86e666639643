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

class Receivers;
struct HttpReceiverOptions;

class HttpServer {
public:
    // Listens at once. Throws std::runtime_error that says where and why not. Context and receiver outlive it.
    HttpServer(boost::asio::io_context& context, const Receivers& receivers, const HttpReceiverOptions& options);
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    void serve();  // begins to accept
    // No connection is accepted and no request is read any more. Those that wait for their answers get them.
    void close();
    bool idle() const;  // nobody waits for an answer

    std::string address() const;  // with the port that the kernel chose

private:
    class Listener;
    std::shared_ptr<Listener> listener_;
};

}  // namespace spanring::agent
