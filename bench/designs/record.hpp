// SPDX-License-Identifier: Apache-2.0
//
// What a design hands over: a finished span of 183 bytes, as every record of the benchmark weighs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace bench {

constexpr size_t kRecordBytes = 183;
using Record = std::array<uint8_t, kRecordBytes>;

// Spans that wait to be taken, in each design: as many as the library's default memory holds.
constexpr size_t kMostWaiting = 65'536;

}  // namespace bench
