// SPDX-License-Identifier: Apache-2.0
//
// What a Collector's file says in other words than ours, in ours: before anybody reads keys. What means the same is
// renamed; what has no effect here goes, with a warning that names its place; what would mean something else is a
// problem. The table is in docs/configuration.md.
#pragma once

#include <string>
#include <vector>

namespace spanring::agent {

struct ConfigSource;
struct ConfigValue;

void adopt_collector_file(ConfigValue& root, ConfigSource& source, std::vector<std::string>& warnings);

}  // namespace spanring::agent
