// SPDX-License-Identifier: Apache-2.0
//
// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace spanring::agent {

std::string human_duration(uint64_t nanoseconds, bool unicode = true);  // "0 ns", "12.3 µs", "128 ms", "2 min 5 s"
std::string human_time(uint64_t unix_nano);                             // local: "2026-11-21 07:25:01.123"
std::string human_moment(uint64_t unix_nano, uint64_t now);             // the same without the date where it is today's
std::string human_age(uint64_t unix_nano, uint64_t now);                // "12 s", "3 h"

}  // namespace spanring::agent
