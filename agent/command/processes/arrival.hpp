// SPDX-License-Identifier: Apache-2.0
//
// Whether spans that were ended before a look have come where the look goes: a program that has just ended is drained,
// batched and stored some tenths of a second later.
#pragma once

#include <chrono>
#include <cstdint>

#include "command/sites.hpp"

namespace spanring::agent {

// Waits until the local store of a site has answered for every span that is ended now, at most `patience`. How many it
// has not; what comes meanwhile does not count. 0 at once where no agent runs, or it keeps no store.
uint64_t wait_for_store(const Site& site, std::chrono::milliseconds patience);

}  // namespace spanring::agent
