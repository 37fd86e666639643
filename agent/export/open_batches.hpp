// SPDX-License-Identifier: Apache-2.0
//
// The batches that an exporter took and has not resolved yet, numbered in the order in which it took them. Any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <set>

#include "base/mutex.hpp"

namespace spanring::agent {

class OpenBatches {
public:
    uint64_t open();  // the batch's number in that order
    void close(uint64_t sequence);

    // Until all that were opened before are closed. False: the deadline came first.
    bool wait(std::chrono::steady_clock::time_point deadline);

private:
    Mutex mutex_;
    std::condition_variable closed_;
    uint64_t next_ SPR_GUARDED_BY(mutex_) = 0;
    std::set<uint64_t> open_ SPR_GUARDED_BY(mutex_);
};

}  // namespace spanring::agent
