// SPDX-License-Identifier: Apache-2.0
//
// A plaintext connection whose socket is ours, for zero copy. gRPC 1.51 keeps slices in a write that a peer does not
// read: a deadline, a cancellation and letting go of the channel do not bring them back (tests/unit/agent/export);
// shutting the socket down does, at once. It is made by a thread of its own (names are resolved there) and does not
// come back by itself once it is broken.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include "base/descriptor.hpp"
#include "base/mutex.hpp"
#include "export/grpc/endpoint.hpp"
#include "export/grpc/forward.hpp"

namespace spanring::agent {

class OwnConnection {
public:
    // `on_ready` is called on another thread when an attempt to connect came to its end.
    OwnConnection(Endpoint endpoint, const grpc::ChannelArguments& arguments, std::function<void()> on_ready);
    ~OwnConnection();
    OwnConnection(const OwnConnection&) = delete;
    OwnConnection& operator=(const OwnConnection&) = delete;

    // All: one thread, the sender's.
    // True while an attempt to connect is under way; starts one where it is needed and due.
    bool pending();
    // Null: there is none at present.
    std::shared_ptr<grpc::Channel> channel();
    // Everything that is in flight on it fails now, and gRPC gives the slices back.
    void cut();

private:
    void connect();
    Descriptor open_socket(std::chrono::steady_clock::time_point deadline);
    bool stopping();

    const Endpoint endpoint_;
    const std::unique_ptr<const grpc::ChannelArguments> arguments_;
    const std::function<void()> on_ready_;
    std::shared_ptr<grpc::Channel> channel_;
    Descriptor socket_;  // ours, besides gRPC's own descriptor of the same socket
    std::chrono::steady_clock::time_point next_attempt_{};
    std::thread thread_;

    Mutex mutex_;
    bool connecting_ SPR_GUARDED_BY(mutex_) = false;
    bool stop_ SPR_GUARDED_BY(mutex_) = false;
    Descriptor connected_ SPR_GUARDED_BY(mutex_);  // what the thread hands over
};

}  // namespace spanring::agent
