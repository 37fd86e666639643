// SPDX-License-Identifier: Apache-2.0
//
// Whether the agent is done with everything that this process has committed, without asking it: for a flush that may
// not wait, or that need not.
#pragma once

#include "ring/segment.hpp"

namespace spanring::trace {

// COLD: looks at every chunk. True: every span whose end came before this call is acknowledged, and in the totals.
// False: one may not be; while other threads end spans, or the agent moves a mark, it may be false for nothing.
bool everything_is_taken_over(const ring::Segment& segment);

}  // namespace spanring::trace
