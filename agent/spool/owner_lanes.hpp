// SPDX-License-Identifier: Apache-2.0
//
// What one owner has in a spool: files of what comes first, and files of the rest. Used by one thread.
//
// Header bill: owner_files.hpp, of which it has two; spool.hpp alone includes it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "batch/priority.hpp"
#include "spool/owner_files.hpp"

namespace spanring::agent::spool {

class OwnerLanes {
public:
    // `first_share`: of the bytes that are taken while both have something.
    explicit OwnerLanes(double first_share) : turns_(first_share) {}

    OwnerFiles& of(Priority priority) { return lanes_[static_cast<size_t>(priority)]; }
    const OwnerFiles& of(Priority priority) const { return lanes_[static_cast<size_t>(priority)]; }

    bool empty() const { return lanes_[0].empty() && lanes_[1].empty(); }
    uint64_t bytes() const { return lanes_[0].bytes() + lanes_[1].bytes(); }
    bool waiting() const { return lanes_[0].waiting() || lanes_[1].waiting(); }
    // Of which of them the next one is, where something waits.
    Priority next() const { return turns_.next(of(Priority::kFirst).waiting(), of(Priority::kRest).waiting()); }
    // So much is taken of it now; while the other has nothing it costs no turn.
    void took(Priority priority, size_t bytes) {
        if (lanes_[0].waiting() && lanes_[1].waiting()) turns_.took(priority, bytes);
    }
    // In which of them it is.
    OwnerFiles* with(uint64_t file) {
        for (OwnerFiles& lane : lanes_)
            if (lane.find(file) != nullptr) return &lane;
        return nullptr;
    }
    // Which of them gives way, where something has to: the rest, as long as it has more than its share of the bytes.
    Priority to_give_way(double first_share) const {
        const OwnerFiles &first = of(Priority::kFirst), &rest = of(Priority::kRest);
        const bool too_many = static_cast<double>(first.bytes()) > first_share * static_cast<double>(bytes());
        return rest.empty() || (too_many && !first.empty()) ? Priority::kFirst : Priority::kRest;
    }

private:
    std::array<OwnerFiles, 2> lanes_;
    PriorityTurns turns_;
};

}  // namespace spanring::agent::spool
