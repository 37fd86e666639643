// SPDX-License-Identifier: Apache-2.0
//
// When a segment is looked at next: 0.2 to 1 ms while it gives something, ever longer while it does not. Never a poll
// of its tail: each look takes the cache line that the writer is writing to.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace spanring::agent {

struct PaceLimits {
    std::chrono::microseconds shortest{200};
    std::chrono::microseconds busy{1000};    // longest while something comes
    std::chrono::microseconds idle{10'000};  // longest while the process lives
};

class Pace {
public:
    using Clock = std::chrono::steady_clock;

    Clock::time_point due() const { return due_; }
    bool is_due(Clock::time_point now) const { return now >= due_; }
    void hurry(Clock::time_point now) { due_ = now; }

    // After a look that gave so many bytes; `complete`: there was not more.
    void looked(const PaceLimits& limits, uint64_t bytes, bool complete, Clock::time_point now) {
        if (bytes >= kMuch) {
            interval_ = std::max(interval_ / 2, limits.shortest);
        } else if (bytes == 0) {
            interval_ = std::min(std::max(interval_, limits.shortest) * 2, limits.idle);
        }
        if (bytes != 0) interval_ = std::min(interval_, limits.busy);
        due_ = complete ? now + interval_ : now;
    }

    void no_later_than(Clock::time_point when) { due_ = std::min(due_, when); }

private:
    static constexpr uint64_t kMuch = 64 << 10;

    std::chrono::microseconds interval_{1000};
    Clock::time_point due_{};
};

}  // namespace spanring::agent
