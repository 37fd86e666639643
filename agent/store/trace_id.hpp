// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

namespace spanring::agent {

using TraceId = std::array<uint8_t, 16>;

}  // namespace spanring::agent
