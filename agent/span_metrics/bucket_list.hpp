// SPDX-License-Identifier: Apache-2.0
//
// The bounds of a histogram as the configuration has them: durations, each longer than the one before.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace spanring::agent {

inline constexpr char kBucketList[] = "list of durations, each longer than the one before";

std::vector<std::string> default_buckets();  // the Collector's

// What is wrong with them; empty: nothing.
std::string wrong_buckets(const std::vector<std::string>& buckets);

// In nanoseconds, where nothing is wrong.
std::vector<uint64_t> bounds_of(const std::vector<std::string>& buckets);

}  // namespace spanring::agent
