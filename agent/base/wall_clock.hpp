// SPDX-License-Identifier: Apache-2.0
//
// The time of day in nanoseconds since the epoch, as OTLP and the segments write it.
#pragma once

#include <cstdint>
#include <ctime>

namespace spanring::agent {

inline uint64_t unix_nano() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace spanring::agent
