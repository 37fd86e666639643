// SPDX-License-Identifier: Apache-2.0
//
// Ends a hung test; nothing is asserted about durations.
#pragma once

#include <chrono>
#include <thread>

namespace spanring::agent::test {

inline constexpr std::chrono::seconds kWatchdog{60};

inline std::chrono::steady_clock::time_point watchdog() { return std::chrono::steady_clock::now() + kWatchdog; }

// For what tells nobody when it happens.
template <class Predicate>
bool eventually(Predicate there) {
    const auto deadline = watchdog();
    while (!there() && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return there();
}

}  // namespace spanring::agent::test
