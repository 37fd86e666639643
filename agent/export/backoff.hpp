// SPDX-License-Identifier: Apache-2.0
//
// Exponential backoff with jitter, as exporterhelper's retry_on_failure has it.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

#include "export/otlp_options.hpp"

namespace spanring::agent {

class Backoff {
public:
    explicit Backoff(const RetryOptions& options) : options_(options), random_(std::random_device{}()) {}

    void reset() { interval_ = {}; }

    // The next wait: interval × (1 ± randomization_factor).
    std::chrono::nanoseconds next() {
        using Nanos = std::chrono::duration<double, std::nano>;
        constexpr Nanos kLeast = std::chrono::milliseconds(1);
        const Nanos most = options_.max_interval;
        interval_ = interval_.count() == 0 ? Nanos(options_.initial_interval) : interval_ * options_.multiplier;
        interval_ = std::clamp(interval_, kLeast, std::max(most, kLeast));
        const double factor = std::clamp(options_.randomization_factor, 0.0, 1.0);
        std::uniform_real_distribution<double> spread(1 - factor, 1 + factor);
        return std::chrono::duration_cast<std::chrono::nanoseconds>(interval_ * spread(random_));
    }

private:
    const RetryOptions options_;
    std::minstd_rand random_;
    std::chrono::duration<double, std::nano> interval_{};
};

}  // namespace spanring::agent
