// SPDX-License-Identifier: Apache-2.0
//
// The signals of a command that goes on until it is ended: waited for beside its input, so that it puts the terminal
// back before it ends or stops. While this lives they are blocked; those that the caller had ignored (nohup) stay
// ignored. SIGQUIT is not among them: it ends a command that hangs. One at a time, of a program with one thread.
#pragma once

#include <signal.h>

#include <chrono>

#include "base/descriptor.hpp"

namespace spanring::agent {

class AwaitedSignals {
public:
    enum class Event {
        kTime,
        kInput,
        kRedraw,  // the terminal has another size, or somebody else may have written on it
        kStop,    // Ctrl-Z
        kEnd,
    };
    using Clock = std::chrono::steady_clock;

    AwaitedSignals();
    ~AwaitedSignals();
    AwaitedSignals(const AwaitedSignals&) = delete;
    AwaitedSignals& operator=(const AwaitedSignals&) = delete;

    // What comes first; a signal before anything else. `input`: a descriptor that may have something to read; -1: none.
    Event wait_until(Clock::time_point time, int input = -1);

    // Stops as the signal would have, until the shell lets it go on.
    void stop() const;

    // The exit code after kEnd: 0 for Ctrl-C, which is how such a command is ended. By any other signal it dies here,
    // as whoever sent it expects.
    int end() const;

private:
    Event event_of(int signal);

    sigset_t before_{};
    Descriptor file_;
    int ended_by_ = 0;
};

}  // namespace spanring::agent
