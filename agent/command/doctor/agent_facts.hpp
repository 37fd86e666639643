// SPDX-License-Identifier: Apache-2.0
//
// Whether an agent serves this user, where it would send to, and the limits of the processes.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <sys/types.h>

#include "command/doctor/finding.hpp"
#include "command/sites.hpp"

namespace spanring::agent {

struct AgentConfiguration;

// Which agent serves each directory: by its notice, else by its lock.
Findings look_at_agents(const std::vector<std::string>& directories, const Sites& sites);

// Its configuration, and a connection to each backend; `patience` for all of one backend's addresses.
Findings look_at_backends(const AgentConfiguration& configuration, std::chrono::milliseconds patience);

Findings look_at_limits(pid_t pid);  // 0: of this process

}  // namespace spanring::agent
