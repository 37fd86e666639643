// SPDX-License-Identifier: Apache-2.0
//
// How much each may have of a budget where they want so much: who wants less than an equal share gets all of it, and
// what that leaves is shared among the others.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace spanring::agent {

// From the smallest on each takes what it needs of an equal share of what is left. Beside them there is room for one
// that is new.
inline uint64_t fair_share(uint64_t budget, std::vector<uint64_t> wanted) {
    std::sort(wanted.begin(), wanted.end());
    uint64_t left = budget, sharers = wanted.size(), share = budget;
    for (const uint64_t one : wanted) {
        share = std::max<uint64_t>(left / sharers, 1);
        if (one > share || left < sharers) break;  // less than one for each: who comes first
        left -= one;
        share = std::max(left, share);  // where all have enough: what is left
        --sharers;
    }
    return share;
}

}  // namespace spanring::agent
