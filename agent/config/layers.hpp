// SPDX-License-Identifier: Apache-2.0
//
// What a user says by keys, laid over each other: the files in the order of the command line, then the variables that
// are called after keys, then --set.
#pragma once

#include <string>
#include <vector>

#include "config/config_value.hpp"

namespace spanring::agent {

class Environment;
struct Flags;

// Before the name of a key's variable: SPANRING_AGENT_PROCESSORS__BATCH__TIMEOUT is processors.batch.timeout.
inline constexpr char kVariablePrefix[] = "SPANRING_AGENT_";

// The variable of a key whose parts these are: each in capitals, what is not a letter or a digit as "_", "__" between
// them.
std::string variable_of(const std::vector<std::string>& parts);

// A mapping, or nothing. Files and values that cannot be read are problems.
ConfigValue read_layers(const Flags& flags, const Environment& environment, std::vector<std::string>& problems);

}  // namespace spanring::agent
