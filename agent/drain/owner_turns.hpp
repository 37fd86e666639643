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

#include "base/token_bucket.hpp"

namespace spanring::agent {

class OwnerTurns {
public:
    // Copied in some 4 ms: as long may another's segment wait that is next.
    static constexpr uint64_t kBytesInAPass = 8u << 20;
    // Beside the five a second by age: a batch is a third of what it could be, whatever one owner does.
    static constexpr double kFlushesAtOnce = 50;
    static constexpr double kFlushesASecond = 10;

    explicit OwnerTurns(bool of_several_users) : of_several_users_(of_several_users) {}

    void begin_pass() { taken_.clear(); }
    uint64_t bytes_left(uid_t owner) const {
        if (!of_several_users_) return std::numeric_limits<uint64_t>::max();
        const auto found = taken_.find(owner);
        return found == taken_.end() ? kBytesInAPass : kBytesInAPass - std::min(kBytesInAPass, found->second);
    }
    void took(uid_t owner, uint64_t bytes) {
        if (of_several_users_) taken_[owner] += bytes;
    }

    bool may_flush(uid_t owner, TokenBucket::Time now) {
        if (!of_several_users_) return true;
        return flushes_.try_emplace(owner, kFlushesAtOnce, kFlushesASecond).first->second.try_take(now);
    }

private:
    const bool of_several_users_;
    std::map<uid_t, uint64_t> taken_;  // in this pass
    std::map<uid_t, TokenBucket> flushes_;
};

}  // namespace spanring::agent
