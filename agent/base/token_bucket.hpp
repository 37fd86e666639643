// SPDX-License-Identifier: Apache-2.0
//
// So many at once, and so many a second in the long run. One thread.
#pragma once

#include <algorithm>
#include <chrono>

namespace spanring::agent {

class TokenBucket {
public:
    using Time = std::chrono::steady_clock::time_point;

    TokenBucket(double burst, double per_second) : burst_(burst), per_second_(per_second), tokens_(burst) {}

    bool has_one(Time now) {
        tokens_ = tokens(now);
        filled_ = now;
        return tokens_ >= 1;
    }
    bool is_full(Time now) const { return tokens(now) >= burst_; }  // as good as a new one
    void take() { tokens_ -= 1; }
    bool try_take(Time now) {
        if (!has_one(now)) return false;
        take();
        return true;
    }
    // When there will be one, if nobody takes any meanwhile.
    Time next(Time now) {
        if (has_one(now)) return now;
        return now +
               std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>((1 - tokens_) / per_second_));
    }

private:
    double tokens(Time now) const {
        const double seconds = std::chrono::duration<double>(now - filled_).count();
        return std::min(burst_, tokens_ + std::max(seconds, 0.0) * per_second_);
    }

    double burst_;
    double per_second_;
    double tokens_;
    Time filled_{};
};

}  // namespace spanring::agent
