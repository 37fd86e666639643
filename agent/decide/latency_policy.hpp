// SPDX-License-Identifier: Apache-2.0
//
// `latency`: traces that took longer, from their first start to their last end.
#pragma once

#include <stdexcept>

#include "decide/policy.hpp"

namespace spanring::agent {

class LatencyPolicy : public Policy {
public:
    // Throws std::invalid_argument. `upper_ms` 0: none.
    LatencyPolicy(uint64_t threshold_ms, uint64_t upper_ms) : threshold_(threshold_ms), upper_(upper_ms) {
        if (threshold_ms == 0 && upper_ms == 0) throw std::invalid_argument("latency: must say threshold_ms");
        if (upper_ms != 0 && upper_ms <= threshold_ms)
            throw std::invalid_argument("latency: upper_threshold_ms is not above threshold_ms");
    }

    // In whole milliseconds, and the lower bound is none of them, as the Collector has it.
    PolicyAnswer answer(const TraceFacts& trace) override {
        const uint64_t took = trace.state.nanoseconds() / 1'000'000;
        const bool agrees = upper_ == 0 ? took >= threshold_ : took > threshold_ && took <= upper_;
        return agrees ? PolicyAnswer::kKeep : PolicyAnswer::kNone;
    }

private:
    const uint64_t threshold_;
    const uint64_t upper_;
};

}  // namespace spanring::agent
