// SPDX-License-Identifier: Apache-2.0
//
// The highest level of each way to compress.
#pragma once

#include <cstdint>

namespace spanring::agent {

inline constexpr uint32_t kMostGzip = 9;
inline constexpr uint32_t kMostZstd = 19;  // beyond it a context takes more than 100 MB

}  // namespace spanring::agent
