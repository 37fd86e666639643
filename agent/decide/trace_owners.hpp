// SPDX-License-Identifier: Apache-2.0
//
// The users whose traces wait for a decision, by small numbers: a trace is of whoever began it. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>

namespace spanring::agent {

class TraceOwners {
public:
    static constexpr uint16_t kSender = 0;  // of spans that came by OTLP

    uint16_t place_of(uint32_t uid) {
        constexpr size_t kMost = std::numeric_limits<uint16_t>::max();  // those that come later are one
        const auto next = static_cast<uint16_t>(std::min(places_.size() + 1, kMost));
        const auto known = places_.find(uid);
        if (known != places_.end()) return known->second;
        if (places_.size() >= kMost) return next;
        return places_.try_emplace(uid, next).first->second;
    }

private:
    std::map<uint32_t, uint16_t> places_;
};

}  // namespace spanring::agent
