// SPDX-License-Identifier: Apache-2.0
//
// What systemd, or another supervisor that speaks its protocol, is told of the agent: sd_notify(3) and
// sd_watchdog_enabled(3), without their library.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/log_pace.hpp"

namespace spanring::agent {

// For notify(), before what ends with another "READY=1": systemd waits meanwhile (Type=notify, Type=notify-reload).
std::string reloading_now();

class Supervisor {
public:
    // By $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID; without them it tells nobody anything.
    Supervisor();

    // One datagram: "READY=1". What cannot be sent is logged.
    void notify(const char* state);

    // How often feed() has to be called; nothing: nobody waits for it. Half of what the supervisor's patience is.
    std::optional<std::chrono::nanoseconds> period() const { return period_; }

    // "WATCHDOG=1", unless a thread is stuck for longer than the period: that is logged, and the supervisor restarts
    // the agent once its patience has ended too. False: so it is; to be called again before that, for it may pass.
    bool feed();

private:
    std::string socket_;
    std::optional<std::chrono::nanoseconds> period_;
    LogPace log_;
};

}  // namespace spanring::agent
