// SPDX-License-Identifier: Apache-2.0
//
// The design that comes to mind first: a vector behind a mutex, which the reader takes whole. Most SDKs have it. A
// thread that is descheduled while it holds the mutex holds up all others, and a killed process takes the vector along.
#pragma once

#include <mutex>
#include <vector>

#include "designs/record.hpp"

namespace bench {

class MutexVector {
public:
    MutexVector() {
        waiting_.reserve(kMostWaiting);
        taken_.reserve(kMostWaiting);
    }

    bool put(const Record& record) {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() == kMostWaiting) return false;
        waiting_.push_back(record);
        return true;
    }

    // Calls `each` with every record that waits. One thread.
    template <class Each>
    void take(Each each) {
        {
            const std::lock_guard lock(mutex_);
            waiting_.swap(taken_);
        }
        for (const Record& record : taken_) each(record);
        taken_.clear();
    }

private:
    std::mutex mutex_;
    std::vector<Record> waiting_, taken_;
};

}  // namespace bench
