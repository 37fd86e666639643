// SPDX-License-Identifier: Apache-2.0
//
// What the agent's memory is for.
#pragma once

#include "metrics/exposition.hpp"

namespace spanring::agent {

struct DrainStatus;

void add_memory_usage(Exposition& page, const DrainStatus& status);

}  // namespace spanring::agent
