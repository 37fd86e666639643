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
    OwnerFiles& of(Priority priority) { return lanes_[static_cast<size_t>(priority)]; }
    const OwnerFiles& of(Priority priority) const { return lanes_[static_cast<size_t>(priority)]; }

    bool empty() const { return lanes_[0].empty() && lanes_[1].empty(); }
    uint64_t bytes() const { return lanes_[0].bytes() + lanes_[1].bytes(); }
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
};

}  // namespace spanring::agent::spool
