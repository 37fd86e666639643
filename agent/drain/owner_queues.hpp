// SPDX-License-Identifier: Apache-2.0
//
// What waits for the exporters of each owner's, where the agent serves several: nobody fills the queues. And how many
// flushes each may ask for, each of which sends what is in the making for everybody. One owner alone gets what there
// is. Any drain thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>

#include <sys/types.h>

#include "base/mutex.hpp"
#include "drain/purses.hpp"

namespace spanring::agent {

class OwnerQueues {
public:
    // Beside the five a second by age: a batch is a third of what it could be, whatever one owner does.
    static constexpr double kFlushesAtOnce = 50;
    static constexpr double kFlushesASecond = 10;

    // `queue_bytes`: what may wait for the exporters, before it is spooled or dropped.
    OwnerQueues(bool of_several_users, uint64_t queue_bytes)
        : of_several_users_(of_several_users), queue_bytes_(queue_bytes) {}

    bool of_several_users() const { return of_several_users_; }

    // That may be taken of an owner before answers come.
    uint64_t bytes_left(uid_t owner) const {
        if (!of_several_users_) return std::numeric_limits<uint64_t>::max();
        const MutexLock lock(mutex_);
        const uint64_t most = kTimesWhatIsFree * (queue_bytes_ - std::min(queue_bytes_, waiting_bytes_));
        const auto found = waiting_of_.find(owner);
        return found == waiting_of_.end() ? most : most - std::min(most, found->second);
    }

    // `serial`: of the batch that they are in.
    void took(uid_t owner, uint64_t bytes, uint64_t serial) {
        if (!of_several_users_ || bytes == 0) return;
        const MutexLock lock(mutex_);
        batches_[serial][owner] += bytes;
        waiting_of_[owner] += bytes;
        waiting_bytes_ += bytes;
    }
    void answered(uint64_t serial) {
        if (!of_several_users_) return;
        const MutexLock lock(mutex_);
        const auto batch = batches_.find(serial);
        if (batch == batches_.end()) return;
        for (const auto& [owner, bytes] : batch->second) {
            waiting_bytes_ -= bytes;
            if (const auto of = waiting_of_.find(owner); (of->second -= bytes) == 0) waiting_of_.erase(of);
        }
        batches_.erase(batch);
    }

    bool may_flush(uid_t owner, TokenBucket::Time now) {
        if (!of_several_users_) return true;
        const MutexLock lock(mutex_);
        return flushes_.of(owner, now).try_take(now);
    }

private:
    using Bytes = std::map<uid_t, uint64_t>;
    static constexpr uint64_t kTimesWhatIsFree = 4;  // one who floods fills four fifths

    const bool of_several_users_;
    const uint64_t queue_bytes_;
    mutable Mutex mutex_;
    Bytes waiting_of_ SPR_GUARDED_BY(mutex_);
    uint64_t waiting_bytes_ SPR_GUARDED_BY(mutex_) = 0;
    std::map<uint64_t, Bytes> batches_ SPR_GUARDED_BY(mutex_);  // by serial: what of each owner is in it
    Purses<uid_t> flushes_ SPR_GUARDED_BY(mutex_){kFlushesAtOnce, kFlushesASecond};
};

}  // namespace spanring::agent
