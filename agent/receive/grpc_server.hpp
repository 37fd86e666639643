// SPDX-License-Identifier: Apache-2.0
//
// OTLP over gRPC: Export of each service whose signal is taken. gRPC's library has the connections, a thread here its
// calls (grpc_calls.hpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}

namespace spanring::agent {

class ListeningSockets;
class Receivers;
struct GrpcReceiverOptions;

class GrpcServer {
public:
    // Listens at once, on one of `sockets` (null: of its own). `memory`: bytes that the library may keep of messages
    // that are not whole yet. Throws std::runtime_error that says where it cannot listen and why not. Context and
    // receivers outlive it, and nobody runs the context when it ends. `work` is called by the thread of the calls after
    // wake().
    GrpcServer(boost::asio::io_context& context, const Receivers& receivers, const GrpcReceiverOptions& options,
               uint64_t memory, std::function<void()> work, ListeningSockets* sockets = nullptr);
    ~GrpcServer();
    GrpcServer(const GrpcServer&) = delete;
    GrpcServer& operator=(const GrpcServer&) = delete;

    bool wake();  // any thread; as of the calls

    // The thread that runs the context:
    void serve();  // begins to accept
    // Ends what takes too long, or too much of the thread of the calls. Returns when it is to be called again.
    std::chrono::steady_clock::time_point look(std::chrono::steady_clock::time_point now);
    // Connections that are there go on.
    void accept_no_more();
    // No request is taken any more. Those that wait for their answers get them.
    void close();
    // After that: whoever's message has not come yet is told to send it again, later.
    void end_calls();

    bool idle() const;            // nobody waits for an answer
    std::string address() const;  // with the port that the kernel chose

private:
    class Service;
    const std::unique_ptr<Service> service_;
};

}  // namespace spanring::agent
