// SPDX-License-Identifier: Apache-2.0
#include "export/circuit.hpp"

#include <algorithm>

namespace spanring::agent {

bool Circuit::succeed(bool was_probe) {
    credit_.taken();
    const bool was_down = !closed_;
    if (was_down && !was_probe && !credit_.good()) return false;
    closed_ = true;
    probing_ = false;
    if (credit_.good()) backoff_.reset();
    return was_down;
}

bool Circuit::fail(Time now, std::optional<std::chrono::nanoseconds> delay, bool was_probe) {
    const bool was_up = closed_;
    credit_.failed();
    if (closed_ || was_probe) reopen_at_ = now + backoff_.next();
    if (delay) reopen_at_ = std::max(reopen_at_, now + std::min(*delay, kLongestPause));
    closed_ = false;
    if (was_probe) probing_ = false;
    return was_up;
}

}  // namespace spanring::agent
