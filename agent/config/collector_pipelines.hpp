// SPDX-License-Identifier: Apache-2.0
//
// The pipelines of a Collector's file as the one that there is here: spans of all receivers go through the same
// processors to all exporters, and are measured before.
#pragma once

#include <string>
#include <vector>

namespace spanring::agent {

struct ConfigSource;
struct ConfigValue;

// Leaves out pipelines of other signals, and what they alone name of types that are not here. Where several pipelines
// of traces cannot be one, that is a problem.
void adopt_collector_pipelines(ConfigValue& root, ConfigSource& source, std::vector<std::string>& warnings);

}  // namespace spanring::agent
