// SPDX-License-Identifier: Apache-2.0
//
// What each owner gets of one drain thread's pass, where the agent serves several: a number of bytes, whatever the
// number of its segments, and no more than the queues have room for. One owner alone gets what there is. That thread
// only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>

#include <sys/types.h>

#include "drain/owner_queues.hpp"

namespace spanring::agent {

class OwnerTurns {
public:
    // Copied in some 4 ms: as long may another's segment wait that is next.
    static constexpr uint64_t kBytesInAPass = 8u << 20;

    explicit OwnerTurns(OwnerQueues& queues) : queues_(queues) {}

    void begin_pass() { taken_.clear(); }

    // Of this pass; and whether answers must come before it can have any.
    uint64_t bytes_left(uid_t owner) const { return std::min(left_of_pass(owner), queues_.bytes_left(owner)); }
    bool waits_for_answers(uid_t owner) const { return bytes_left(owner) == 0 && left_of_pass(owner) != 0; }

    // `serial`: of the batch that they are in, as far as it is known; 0: none that will be answered.
    void took(uid_t owner, uint64_t bytes, uint64_t serial) {
        if (!queues_.of_several_users() || bytes == 0) return;
        taken_[owner] += bytes;
        if (serial != 0) queues_.took(owner, bytes, serial);
    }

private:
    uint64_t left_of_pass(uid_t owner) const {
        if (!queues_.of_several_users()) return std::numeric_limits<uint64_t>::max();
        const auto found = taken_.find(owner);
        return found == taken_.end() ? kBytesInAPass : kBytesInAPass - std::min(kBytesInAPass, found->second);
    }

    OwnerQueues& queues_;
    std::map<uid_t, uint64_t> taken_;
};

}  // namespace spanring::agent
