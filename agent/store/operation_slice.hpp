// SPDX-License-Identifier: Apache-2.0
//
// What operations did in one minute, as it lies in the store: a version, then of each operation its service, its name,
// errors, nanoseconds, the first bucket that is not empty, how many buckets, and their counts; all varints, and texts
// with their length before them. Operations are in the order of their names.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "span_metrics/operation_counts.hpp"

namespace spanring::agent {

inline constexpr uint64_t kNanosecondsOfSlice = 60'000'000'000;

std::string encode_operations(const OperationTable& operations);

// Adds them. False: the bytes are none, and what came before that was added.
bool decode_operations(std::span<const uint8_t> bytes, OperationTable& ret_operations);

// Likewise what came on top of `before`, which are the bytes that the same minute had earlier. Of thousands of
// operations few did something since: those whose bytes are the same are passed over.
bool decode_news(std::span<const uint8_t> bytes, std::span<const uint8_t> before, OperationTable& ret_news);

}  // namespace spanring::agent
