// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "spanring/spanring.h"
#include "trace/process/life.hpp"

namespace spanring::trace {

// COLD. What spans of this life came to, added to what was counted before it.
void add_statistics(const Life& life, spr_statistics& statistics);

}  // namespace spanring::trace
