// SPDX-License-Identifier: Apache-2.0
//
// Threads that encode and compress requests for all exporters whose own thread has more of that to do than one core
// can: as many as there are other cores, and no more than kMost. They are started when there is work for the first
// time.
//
// Header bill: std::thread and std::function.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.hpp"

namespace spanring::agent {

class EncodingPool {
public:
    static constexpr unsigned kMost = 4;

    // That of this process: made by the first who asks, gone with the last who has it.
    static std::shared_ptr<EncodingPool> of_this_process();

    explicit EncodingPool(unsigned threads) : most_(threads) {}
    ~EncodingPool();  // does what was given before
    EncodingPool(const EncodingPool&) = delete;
    EncodingPool& operator=(const EncodingPool&) = delete;

    // Any thread. `work` throws nothing; works begin in the order in which they were given. A crash in one is booked
    // where one of the caller's would be. Where not even one thread can be had it is the caller that does it.
    void give(std::function<void()> work);

private:
    struct Given {
        std::string crash_place;
        std::function<void()> work;
    };

    void add_thread() SPR_REQUIRES(mutex_);
    void run(const std::string& name);

    const unsigned most_;
    Mutex mutex_;
    std::condition_variable changed_;
    std::deque<Given> waiting_ SPR_GUARDED_BY(mutex_);
    std::vector<std::thread> threads_ SPR_GUARDED_BY(mutex_);
    unsigned idle_ SPR_GUARDED_BY(mutex_) = 0;
    bool over_ SPR_GUARDED_BY(mutex_) = false;
};

}  // namespace spanring::agent
