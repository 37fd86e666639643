// SPDX-License-Identifier: Apache-2.0
//
// What the agent itself takes of the host, under the names that Prometheus' client libraries agree on (process_*).
#pragma once

#include "metrics/exposition.hpp"

namespace spanring::agent {

void add_process_usage(Exposition& page);

}  // namespace spanring::agent
