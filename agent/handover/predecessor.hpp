// SPDX-License-Identifier: Apache-2.0
//
// The new agent's side of a replacement: the agent that runs with the same state directory. While this object is there
// the other waits to go on, should this process end; ready() lets it end instead. The agent's main thread.
#pragma once

#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/descriptor.hpp"
#include "base/listening_sockets.hpp"
#include "presence/supervisor.hpp"

namespace spanring::agent {

// Nothing has changed: the other goes on.
struct NotReplaced : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Predecessor {
public:
    // Null: nobody runs there who could be replaced. Throws NotReplaced where it does not want to. `signals` that end
    // the agent end the wait, here and below.
    static std::unique_ptr<Predecessor> find(const std::string& state_directory, const sigset_t& signals);

    const std::string& version() const { return version_; }
    const Supervision& supervision() const { return supervision_; }
    std::vector<ListeningSockets::Handed> take_sockets() { return std::move(sockets_); }

    // It finishes what it has begun and lets go of everything that two cannot have. When this returns it has, or has
    // ended. Throws NotReplaced where a signal came.
    void take_over();

    // This one serves: the other is to end, and has when it returns, but for one that does not end.
    void ready();

private:
    Predecessor(Descriptor socket, const sigset_t& signals) : socket_(std::move(socket)), signals_(signals) {}
    void greet(const std::string& state_directory);
    void check_signals() const;

    Descriptor socket_;
    const sigset_t signals_;
    pid_t pid_ = 0;
    std::string version_;
    Supervision supervision_;
    std::vector<ListeningSockets::Handed> sockets_;
};

}  // namespace spanring::agent
