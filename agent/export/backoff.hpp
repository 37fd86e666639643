// SPDX-License-Identifier: Apache-2.0
//
// Exponential backoff with jitter, as exporterhelper's retry_on_failure has it.
#pragma once

#include <chrono>
#include <cstdint>

#include "export/otlp_options.hpp"

namespace spanring::agent {

class Backoff {
public:
    explicit Backoff(const RetryOptions& options);

    void reset() { interval_ = {}; }

    // The next wait: interval × (1 ± randomization_factor).
    std::chrono::nanoseconds next();

private:
    const RetryOptions options_;
    uint32_t seed_;
    std::chrono::duration<double, std::nano> interval_{};
};

}  // namespace spanring::agent
