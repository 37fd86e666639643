// SPDX-License-Identifier: Apache-2.0
//
// What a running agent cannot take over from a new configuration, by its keys. Everything else it can.
#pragma once

#include <string>
#include <vector>

namespace spanring::agent {

struct Config;

// Empty: a restart is not needed. Each is a key by its path, in the order of the file.
std::vector<std::string> keys_for_a_restart(const Config& running, const Config& wanted);

}  // namespace spanring::agent
