// SPDX-License-Identifier: Apache-2.0
//
// Open spans as they are below each other.
#pragma once

#include <vector>

#include "command/open/open_span.hpp"

namespace spanring::agent {

// The oldest first, and each below its parent where that is among them and did not start later: whatever ids hostile
// processes choose, there is no circle. Fills in `depth`.
void plant(std::vector<OpenSpan>& spans);

}  // namespace spanring::agent
