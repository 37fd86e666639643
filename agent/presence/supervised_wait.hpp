// SPDX-License-Identifier: Apache-2.0
//
// What the agent's main thread does while the others work: it waits for signals, looks after things once a second, and
// feeds its supervisor.
//
// Header bill: a thread and std::function; service.cpp and its own .cpp include it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <functional>
#include <thread>

#include "base/mutex.hpp"
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

// Feeds the supervisor, on a thread of its own and once more at the end, while the agent of the main thread ends, which
// may take longer than the supervisor's patience. Not for longer than it may take: threads that have ended look like
// those that are stuck, so nobody asks how they fare. Nobody else tells the supervisor anything meanwhile.
class Feeding {
public:
    using Clock = std::chrono::steady_clock;

    Feeding(Supervisor& supervisor, Clock::time_point until);
    ~Feeding();
    Feeding(const Feeding&) = delete;
    Feeding& operator=(const Feeding&) = delete;

private:
    void run();

    Supervisor& supervisor_;
    const Clock::time_point until_;
    Mutex mutex_;
    std::condition_variable changed_;
    bool ends_ SPR_GUARDED_BY(mutex_) = false;
    std::thread thread_;  // none where nobody waits to be fed
};

}  // namespace spanring::agent
