// SPDX-License-Identifier: Apache-2.0
//
// What is wrong between the values of a configuration, whichever layers they came from, told with the places of those
// that are not defaults.
#pragma once

#include <string>
#include <vector>

#include "config/config_value.hpp"

namespace spanring::agent {

struct Config;

// Fills in the paths that depend on others (STATE/...), too.
void check_config(Config& config, const Origins& origins, std::vector<std::string>& problems,
                  std::vector<std::string>& warnings);

// Whether the files that it names can be read.
void check_files(const Config& config, const Origins& origins, std::vector<std::string>& problems);

}  // namespace spanring::agent
