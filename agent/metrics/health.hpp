// SPDX-License-Identifier: Apache-2.0
//
// Whether the agent is well, for who restarts it (alive) and who relies on it (ready). What is wrong is said in
// sentences that name no backend: everybody on this host may ask.
#pragma once

#include <string>
#include <vector>

#include "batch/exporter.hpp"

namespace spanring::agent {

// Threads that are stuck. A restart helps, and loses no span.
std::vector<std::string> not_alive();

// These, and exporters whose backend takes no spans, or whose spool is nearly full. A restart does not help.
std::vector<std::string> not_ready(const VisitExporters& exporters);

}  // namespace spanring::agent
