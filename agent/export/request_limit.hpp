// SPDX-License-Identifier: Apache-2.0
//
// How large a request the backend takes, learned from those that it found too large. A limit may be somebody's in
// between (a proxy), so it is forgotten after an hour; and one that calls everything too large is not believed for as
// long, or each span would become a request.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "otlp/request.hpp"

namespace spanring::agent {

class RequestLimit {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr size_t kLeast = 64 << 10;
    static constexpr std::chrono::hours kMemory{1};

    size_t most(Time now) const { return now < until_ ? most_ : kMaxRequestBytes; }

    // A request of several spans was too large. True: try smaller ones, of most().
    bool refuse(size_t bytes, Time now) {
        if (now < doubt_until_) return false;
        if (bytes <= kLeast) {
            doubt_until_ = now + kMemory;
            until_ = now;
            return false;
        }
        most_ = std::min(most(now), std::max(bytes / 2, kLeast));
        until_ = now + kMemory;
        return true;
    }

private:
    size_t most_ = kMaxRequestBytes;
    Time until_{};
    Time doubt_until_{};
};

}  // namespace spanring::agent
