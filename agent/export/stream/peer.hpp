// SPDX-License-Identifier: Apache-2.0
//
// Who takes framed requests over a stream and answers: a program that the agent started, or one that listens at a unix
// socket. It is opened, and when it went or was of no use opened again: when, decides the transport. One thread.
#pragma once

#include <poll.h>

#include <string>
#include <vector>

namespace spanring::agent {

class StreamPeer {
public:
    StreamPeer() = default;
    virtual ~StreamPeer() = default;
    StreamPeer(const StreamPeer&) = delete;
    StreamPeer& operator=(const StreamPeer&) = delete;

    virtual const std::string& name() const = 0;  // for messages

    // Begins to open it, and never waits. Empty, or why it cannot be.
    virtual std::string open() = 0;
    // Descriptors that do not block; negative: it is not open yet, or not any more.
    virtual int requests() const = 0;  // are written there
    virtual int answers() const = 0;   // are read there
    virtual void close() = 0;

    // Where it has something else to say: what is to be waited for, and a look after that.
    virtual void add_others(std::vector<pollfd>& /*waits*/) const {}
    virtual void look_at_others() {}
    // It is known that it ended, or cannot be: what it had said may still be there to be read.
    virtual bool ended() const { return false; }
    // What is known of that; empty: nothing.
    virtual std::string end() { return {}; }
};

}  // namespace spanring::agent
