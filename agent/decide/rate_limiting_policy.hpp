// SPDX-License-Identifier: Apache-2.0
//
// `rate_limiting`: traces, as long as their spans are no more than so many a second.
#pragma once

#include <algorithm>
#include <stdexcept>

#include "decide/policy.hpp"

namespace spanring::agent {

class RateLimitingPolicy : public Policy {
public:
    // Throws std::invalid_argument.
    explicit RateLimitingPolicy(uint32_t spans_per_second) : per_second_(spans_per_second), left_(spans_per_second) {
        if (spans_per_second == 0) throw std::invalid_argument("rate_limiting: must say spans_per_second");
    }

    // A trace that is larger than what a second has is kept when nothing else was, and the next ones wait for it.
    bool has_budget() const override { return true; }
    PolicyAnswer answer(const TraceFacts& trace) override {
        const double seconds = std::chrono::duration<double>(trace.now - filled_).count();
        left_ = std::min(per_second_, left_ + std::max(seconds, 0.0) * per_second_);
        filled_ = trace.now;
        const auto spans = static_cast<double>(trace.state.spans);
        if (left_ < std::min(spans, per_second_)) return PolicyAnswer::kDeclined;
        left_ -= spans;
        return PolicyAnswer::kKeep;
    }

private:
    const double per_second_;
    double left_;
    std::chrono::steady_clock::time_point filled_{};
};

}  // namespace spanring::agent
