// SPDX-License-Identifier: Apache-2.0
//
// What the agent's main thread does while the others work: it waits for signals, looks after things once a second, and
// feeds its supervisor.
#pragma once

#include <csignal>
#include <functional>

#include "presence/supervisor.hpp"

namespace spanring::agent {

struct MainThreadWork {
    std::function<void()> look;            // at least once a second
    std::function<void(bool asked)> tell;  // SIGUSR1; `asked`: it came with a value, as the command sends it
    std::function<bool()> reload;          // SIGHUP; true: the agent is to begin anew
    std::function<bool()> replaced;        // with each look, and at SIGIO: whether another agent wants this one's place
};

// Returns the signal that ends the agent; SIGIO: another is to take over. SIGHUP: it is to begin anew.
int wait_for_end(const sigset_t& signals, Supervisor& supervisor, const MainThreadWork& work);

}  // namespace spanring::agent
