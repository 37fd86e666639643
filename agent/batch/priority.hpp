// SPDX-License-Identifier: Apache-2.0
//
// What is sent first where not everything can be sent at once, and given up last where there is no room for all: two
// lanes, and how they have turns. Nothing starves: while both wait, the rest has its share of the bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace spanring::agent {

enum class Priority : uint8_t { kRest, kFirst };

inline constexpr std::array kPriorities = {Priority::kFirst, Priority::kRest};

constexpr const char* name_of(Priority priority) { return priority == Priority::kFirst ? "first" : "rest"; }

class PriorityTurns {
public:
    // Of what is sent while both wait, what comes first has so much: more than 0, at most 1.
    explicit PriorityTurns(double share) : share_(share) {}

    Priority next(bool first_waits, bool rest_waits) const {
        if (first_waits && rest_waits) return owed_ > 0 ? Priority::kRest : Priority::kFirst;
        return first_waits ? Priority::kFirst : Priority::kRest;
    }
    // That one was sent while both waited.
    void took(Priority priority, size_t bytes) {
        const auto amount = static_cast<double>(bytes);
        owed_ += priority == Priority::kFirst ? amount * (1 - share_) / share_ : -amount;
    }

private:
    double share_;
    double owed_ = 0;  // bytes, to the rest
};

}  // namespace spanring::agent
