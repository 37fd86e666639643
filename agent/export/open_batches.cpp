// SPDX-License-Identifier: Apache-2.0
#include "export/open_batches.hpp"

namespace spanring::agent {

uint64_t OpenBatches::open() {
    const MutexLock lock(mutex_);
    open_.insert(next_);
    return next_++;
}

void OpenBatches::close(uint64_t sequence) {
    {
        const MutexLock lock(mutex_);
        open_.erase(sequence);
    }
    closed_.notify_all();
}

bool OpenBatches::wait(std::chrono::steady_clock::time_point deadline) {
    MutexLock lock(mutex_);
    const uint64_t end = next_;
    return closed_.wait_until(lock.native(), deadline,
                              [&]() SPR_REQUIRES(mutex_) { return open_.empty() || *open_.begin() >= end; });
}

}  // namespace spanring::agent
