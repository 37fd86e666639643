// SPDX-License-Identifier: Apache-2.0
//
// Asks a running agent how it is.
#pragma once

#include <optional>
#include <string>

#include "presence/status_report.hpp"

namespace spanring::agent {

struct Site;

// Of the agent that the site has: a report that it wrote after it was asked. Nothing: `ret_problem` says why, as a
// sentence without a full stop.
std::optional<StatusReport> ask_agent(const Site& site, std::string& ret_problem);

}  // namespace spanring::agent
