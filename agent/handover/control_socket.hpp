// SPDX-License-Identifier: Apache-2.0
//
// The running agent's side of a replacement: a unix socket in its state directory, on which a new agent of the same
// user asks for its place. Until the new one says that it takes it, this one goes on as if nobody had asked; and again
// from when the new one ends before it says that it serves. The agent's main thread, which SIGIO tells of what comes.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include <sys/types.h>

#include "base/descriptor.hpp"
#include "base/listening_sockets.hpp"
#include "handover/message.hpp"
#include "presence/supervisor.hpp"

namespace spanring::agent {

class ControlSocket {
public:
    static constexpr char kName[] = "control.sock";
    static constexpr char kAddress[] = "control";  // among the listening sockets

    // Listens there, unless one that an agent before it had is among the sockets, which outlive this and are handed
    // over. Where it cannot, that is logged, and this agent cannot be replaced.
    ControlSocket(const std::string& state_directory, ListeningSockets& sockets, Supervision supervision);
    ~ControlSocket();  // the file too, unless somebody else has the socket now
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;

    // Answers who asks; at each SIGIO, and now and then. Whether one wants to be served in this agent's place, now.
    bool look();

    // Everything that two cannot have is let go of. True: the other serves, this process may end. False: it has ended,
    // and this one has to go on. `meanwhile` is called at least once a second; false:
    // this one need not go on either.
    bool wait_for_successor(const std::function<bool()>& meanwhile);

    pid_t successor() const { return successor_pid_; }

    void let_go() { taken_ = true; }  // it is still that of the agent that was to be replaced

private:
    using Clock = std::chrono::steady_clock;

    void accept_one();
    void refuse(const std::string& why);
    std::string reason_to_refuse(const HandoverMessage& hello) const;
    void welcome();
    void forget_successor();

    const std::string directory_;
    ListeningSockets& sockets_;
    const Supervision supervision_;
    Descriptor listener_;
    Descriptor successor_;
    pid_t successor_pid_ = 0;
    uid_t successor_user_ = 0;
    bool welcomed_ = false;
    bool taken_ = false;  // the socket is another's
    Clock::time_point patient_until_{};
};

}  // namespace spanring::agent
