// SPDX-License-Identifier: Apache-2.0
//
// Whether the agent's threads make progress: each says when it begins a piece of work, and when it waits for the next.
// A piece that outlasts anybody's patience is a thread that is stuck: in a lock, on a disk, in a loop.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace spanring::agent {

// Of one thread; looked at by others as long as it lives.
class ThreadProgress {
public:
    // `ask` is for a thread that runs an event loop, and knows no beginnings: it has the loop call waiting() on this
    // object, and is called by whoever looks (under a lock: it must not look itself). Empty for others.
    explicit ThreadProgress(std::string name, std::function<void()> ask = {});
    ~ThreadProgress();
    ThreadProgress(const ThreadProgress&) = delete;
    ThreadProgress& operator=(const ThreadProgress&) = delete;

    void working();  // reads the clock
    void waiting();

private:
    friend struct ThreadList;

    const std::string name_;
    const std::function<void()> ask_;
    std::atomic<int64_t> since_;  // steady clock, nanoseconds
};

struct StuckThread {
    std::string name;
    std::chrono::nanoseconds since;  // in one piece of work for so long
};

// Any thread. Asks event loops for the next time.
std::vector<StuckThread> stuck_threads(std::chrono::nanoseconds longer_than);

// "send/otlp has been in one piece of work for 31s"
std::string describe(const StuckThread& thread);

}  // namespace spanring::agent
