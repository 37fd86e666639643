// SPDX-License-Identifier: Apache-2.0
//
// What the module says, in Envoy's log. Never on the way of a request.
#pragma once

#include "tracer_abi.hpp"

namespace spanring::envoy {

// A line, cut at 1,000 bytes. "spanring: " goes before it.
[[gnu::format(printf, 2, 3)]] void log(LogLevel level, const char* format, ...);

}  // namespace spanring::envoy
