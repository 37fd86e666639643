// SPDX-License-Identifier: Apache-2.0
#ifndef SPANRING_TIME_POINT_HPP
#define SPANRING_TIME_POINT_HPP

#include <chrono>
#include <cstdint>

namespace spanring {

// A point of the wall clock; TimePoint{} is "now" everywhere.
using TimePoint = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

namespace detail {

inline std::uint64_t nanoseconds(TimePoint time) noexcept {
    const auto count = time.time_since_epoch().count();
    return count > 0 ? static_cast<std::uint64_t>(count) : 0;
}

}  // namespace detail
}  // namespace spanring

#endif
