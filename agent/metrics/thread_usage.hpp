// SPDX-License-Identifier: Apache-2.0
//
// The CPU of each of the agent's threads, by name.
#pragma once

#include "metrics/exposition.hpp"

namespace spanring::agent {

void add_thread_usage(Exposition& page);

}  // namespace spanring::agent
