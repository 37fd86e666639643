// SPDX-License-Identifier: Apache-2.0
#include "export/backoff.hpp"

#include <algorithm>
#include <random>

namespace spanring::agent {

Backoff::Backoff(const RetryOptions& options) : options_(options), seed_(std::random_device{}()) {}

std::chrono::nanoseconds Backoff::next() {
    using Nanos = std::chrono::duration<double, std::nano>;
    constexpr Nanos kLeast = std::chrono::milliseconds(1);
    const Nanos most = options_.max_interval;
    interval_ = interval_.count() == 0 ? Nanos(options_.initial_interval) : interval_ * options_.multiplier;
    interval_ = std::clamp(interval_, kLeast, std::max(most, kLeast));
    const double factor = std::clamp(options_.randomization_factor, 0.0, 1.0);
    std::uniform_real_distribution<double> spread(1 - factor, 1 + factor);
    std::minstd_rand random(seed_);
    const double drawn = spread(random);
    seed_ = static_cast<uint32_t>(random());
    return std::chrono::duration_cast<std::chrono::nanoseconds>(interval_ * drawn);
}

}  // namespace spanring::agent
