// SPDX-License-Identifier: Apache-2.0
//
// The drainer's end of the socket to the opener: one question at a time, and each has a deadline. The opener waits for
// nobody, as far as is known; should a user find what it waits for, the agent goes on with what it has open, and the
// opener is asked again once it has given the answer that is overdue. Drain thread only.
#pragma once

#include <chrono>
#include <utility>

#include "base/descriptor.hpp"
#include "rights/opener_message.hpp"

namespace spanring::agent {

class OpenerClient {
public:
    static constexpr std::chrono::milliseconds kPatience{1000};  // a question takes some 20 us

    explicit OpenerClient(Descriptor socket, std::chrono::milliseconds patience = kPatience)
        : socket_(std::move(socket)), patience_(patience) {}

    // -ETIMEDOUT where there is no answer yet, -EPIPE where the opener has ended.
    OpenerReply ask(const OpenerRequest& request, int file, Descriptor& ret_file);

    // Looks without waiting, also after an overdue answer.
    bool ended();

    // The opener says by itself that it has started.
    bool started();

    // The opener ends by that.
    void close() { socket_.reset(); }

private:
    bool receive(OpenerReply& ret_reply, Descriptor& ret_file, std::chrono::milliseconds patience);

    Descriptor socket_;
    const std::chrono::milliseconds patience_;
    bool overdue_ = false;  // a question is out
    bool ended_ = false;
};

}  // namespace spanring::agent
