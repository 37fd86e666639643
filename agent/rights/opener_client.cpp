// SPDX-License-Identifier: Apache-2.0
#include "rights/opener_client.hpp"

#include <algorithm>
#include <cerrno>

#include <poll.h>
#include <spdlog/spdlog.h>

namespace spanring::agent {

namespace {

OpenerReply failed(int error) {
    OpenerReply reply = {};
    reply.error = error;
    return reply;
}

}  // namespace

// False: nothing came, or it ended.
bool OpenerClient::receive(OpenerReply& ret_reply, Descriptor& ret_file, std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    pollfd socket = {socket_.get(), POLLIN, 0};
    int ready = 0;
    do {
        using std::chrono::milliseconds;
        const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
        ready = poll(&socket, 1, static_cast<int>(std::max(left, milliseconds(0)).count()));
    } while (ready < 0 && errno == EINTR);
    if (ready == 0) return false;
    ended_ = receive_message(socket_.get(), &ret_reply, sizeof ret_reply, ret_file) != 1;
    return !ended_;
}

bool OpenerClient::ended() {
    OpenerReply late;
    Descriptor file;
    // Unasked it says nothing: what can be read is the answer that is overdue, or its end.
    if (!ended_ && receive(late, file, std::chrono::milliseconds(0))) {
        ended_ = !overdue_;
        overdue_ = false;
        if (!ended_) spdlog::info("the opener answers again");
    }
    return ended_;
}

bool OpenerClient::started() {
    OpenerReply ready;
    Descriptor none;
    return receive(ready, none, std::chrono::seconds(10));
}

OpenerReply OpenerClient::ask(const OpenerRequest& request, int file, Descriptor& ret_file) {
    if (ended()) return failed(-EPIPE);
    if (overdue_) return failed(-ETIMEDOUT);
    OpenerReply reply = {};
    if (send_message(socket_.get(), &request, sizeof request, file) != 0) {
        ended_ = true;
    } else if (!receive(reply, ret_file, patience_) && !ended_) {
        overdue_ = true;
        spdlog::warn(
            "the opener does not answer a question about {} of user {}; until it does, new processes wait. Their "
            "spans are in their segments",
            request.name[0] != '\0' ? request.name : "the directory", request.user);
        return failed(-ETIMEDOUT);
    }
    return ended_ ? failed(-EPIPE) : reply;
}

}  // namespace spanring::agent
