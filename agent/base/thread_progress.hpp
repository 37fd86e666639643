// SPDX-License-Identifier: Apache-2.0
//
// Whether one of the agent's threads makes progress: it says when it begins a piece of work, and when it waits for the
// next. A piece that outlasts anybody's patience is a thread that is stuck: in a lock, on a disk, in a loop. Who looks:
// stuck_threads.hpp.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace spanring::agent {

class ThreadProgress {
public:
    explicit ThreadProgress(std::string name);
    virtual ~ThreadProgress();
    ThreadProgress(const ThreadProgress&) = delete;
    ThreadProgress& operator=(const ThreadProgress&) = delete;

    void working();  // reads the clock
    void waiting();

protected:
    friend struct ThreadList;
    enum class Listed { kLater };

    // For a thread that runs an event loop, and knows no beginnings (event_loop_progress.hpp): it is listed once it is
    // made, and no more before it goes.
    ThreadProgress(std::string name, Listed later);
    void list();
    void unlist();

    // Called by whoever looks, while the thread waits. A loop begins a piece of work by that.
    virtual void ask() {}

private:
    const std::string name_;
    std::atomic<int64_t> since_;  // steady clock, nanoseconds
};

}  // namespace spanring::agent
