// SPDX-License-Identifier: Apache-2.0
//
// The signals that the agent's main thread waits for.
#pragma once

#include <algorithm>
#include <chrono>
#include <csignal>
#include <ctime>
#include <initializer_list>

#include <pthread.h>
#include <unistd.h>

namespace spanring::agent {

inline constexpr int kExitSecondSignal = 130;

inline sigset_t set_of(std::initializer_list<int> members) {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : members) sigaddset(&signals, signal);
    return signals;
}

// Waited for; blocked before the first thread is made, so that none of them ever gets one.
inline sigset_t awaited_signals() { return set_of({SIGTERM, SIGINT, SIGUSR1, SIGHUP, SIGIO}); }
inline sigset_t ending_signals() { return set_of({SIGTERM, SIGINT}); }

inline void end_at_next_signal() {
    struct sigaction action {};
    action.sa_handler = [](int) { ::_exit(kExitSecondSignal); };
    ::sigaction(SIGTERM, &action, nullptr);
    ::sigaction(SIGINT, &action, nullptr);
    const sigset_t ends = ending_signals();
    ::pthread_sigmask(SIG_UNBLOCK, &ends, nullptr);
}

// A signal; 0: none came for so long. The kernel gives out the lowest number first, which SIGHUP has: those that end
// the agent come before it, however many of it there are.
inline int wait_for(const sigset_t& signals, std::chrono::nanoseconds most, siginfo_t& ret_info) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(most);
    const timespec wait{seconds.count(), (most - seconds).count()}, no_time{};
    const int signal = std::max(0, ::sigtimedwait(&signals, &ret_info, &wait));
    const sigset_t ends = ending_signals();
    const bool can_wait = signal == SIGHUP || signal == SIGUSR1 || signal == SIGIO;
    const int end = can_wait ? ::sigtimedwait(&ends, nullptr, &no_time) : 0;
    return end > 0 ? end : signal;
}

}  // namespace spanring::agent
