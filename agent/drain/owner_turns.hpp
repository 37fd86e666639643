// SPDX-License-Identifier: Apache-2.0
//
// What each owner gets where the agent serves several: of a pass a number of bytes, whatever the number of its
// segments; and of flushes, each of which sends what is in the making for everybody, so many a second. One owner alone
// gets what there is. Drain thread only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>

#include <sys/types.h>

#include "drain/purses.hpp"

namespace spanring::agent {

class OwnerTurns {
public:
    // Copied in some 4 ms: as long may another's segment wait that is next.
    static constexpr uint64_t kBytesInAPass = 8u << 20;
    // Beside the five a second by age: a batch is a third of what it could be, whatever one owner does.
    static constexpr double kFlushesAtOnce = 50;
    static constexpr double kFlushesASecond = 10;

    // `queue_bytes`: what may wait for the exporters, before it is spooled or dropped.
    OwnerTurns(bool of_several_users, uint64_t queue_bytes)
        : of_several_users_(of_several_users), queue_bytes_(queue_bytes) {}

    void begin_pass() { taken_.clear(); }

    // Of this pass; and whether answers must come before it can have any.
    uint64_t bytes_left(uid_t owner) const {
        if (!of_several_users_) return std::numeric_limits<uint64_t>::max();
        const uint64_t free = queue_bytes_ - std::min(queue_bytes_, waiting_bytes_);
        return std::min(less(kBytesInAPass, taken_, owner), less(kTimesWhatIsFree * free, waiting_of_, owner));
    }
    bool waits_for_answers(uid_t owner) const {
        return bytes_left(owner) == 0 && less(kBytesInAPass, taken_, owner) != 0;
    }

    // `serial`: of the batch that they are in, as far as it is known; 0: none that will be answered.
    void took(uid_t owner, uint64_t bytes, uint64_t serial) {
        if (!of_several_users_ || bytes == 0) return;
        taken_[owner] += bytes;
        if (serial == 0) return;
        batches_[serial][owner] += bytes;
        waiting_of_[owner] += bytes;
        waiting_bytes_ += bytes;
    }
    void answered(uint64_t serial) {
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
        return flushes_.of(owner, now).try_take(now);
    }

private:
    using Bytes = std::map<uid_t, uint64_t>;
    static constexpr uint64_t kTimesWhatIsFree = 4;  // one who floods fills four fifths

    static uint64_t less(uint64_t most, const Bytes& used, uid_t owner) {
        const auto found = used.find(owner);
        return found == used.end() ? most : most - std::min(most, found->second);
    }

    const bool of_several_users_;
    const uint64_t queue_bytes_;
    Bytes taken_;  // in this pass
    Bytes waiting_of_;
    uint64_t waiting_bytes_ = 0;
    std::map<uint64_t, Bytes> batches_;  // by serial: what of each owner is in it
    Purses<uid_t> flushes_{kFlushesAtOnce, kFlushesASecond};
};

}  // namespace spanring::agent
