// SPDX-License-Identifier: Apache-2.0
//
// What systemd, or another supervisor that speaks its protocol, is told of the agent: sd_notify(3) and
// sd_watchdog_enabled(3), without their library.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

#include "base/log_pace.hpp"

namespace spanring::agent {

// For notify(), before what ends with another "READY=1": systemd waits meanwhile (Type=notify, Type=notify-reload).
std::string reloading_now();

// Who is told, and how long it waits between signs of life.
struct Supervision {
    std::string socket;          // as in $NOTIFY_SOCKET; empty: nobody
    uint64_t patience_usec = 0;  // 0: it does not wait for any

    static Supervision of_environment();  // $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID
};

class Supervisor {
public:
    explicit Supervisor(Supervision supervision = Supervision::of_environment());

    // As another agent may take it over; without a socket where there is no supervisor.
    const Supervision& supervision() const { return supervision_; }

    // One datagram: "READY=1". What cannot be sent is logged.
    void notify(const char* state);

    // How often feed() has to be called; nothing: nobody waits for it. Half of what the supervisor's patience is.
    std::optional<std::chrono::nanoseconds> period() const { return period_; }

    // "WATCHDOG=1", unless a thread is stuck for longer than the period: that is logged, and the supervisor restarts
    // the agent once its patience has ended too. False: so it is; to be called again before that, for it may pass.
    bool feed();

    // Another process is the one that it supervises from now on. Returns when it knows, or takes too long.
    void hand_over_to(pid_t process);

private:
    bool send(const char* state, int file);

    Supervision supervision_;
    std::string socket_;  // its name to the kernel
    std::optional<std::chrono::nanoseconds> period_;
    LogPace log_;
};

}  // namespace spanring::agent
