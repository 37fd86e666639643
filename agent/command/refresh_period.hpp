// SPDX-License-Identifier: Apache-2.0
//
// How often a command that goes on looks again: its option, in seconds.
#pragma once

#include <chrono>
#include <optional>

namespace CLI {
class App;
}

namespace spanring::agent {

// --watch [SECONDS]. `ret_period` outlives the parsing, and stays empty where the option is not given.
void add_watch(CLI::App& command, std::optional<std::chrono::nanoseconds>& ret_period);

// --interval SECONDS; as it is where the option is not given.
void add_interval(CLI::App& command, std::chrono::nanoseconds& ret_period);

}  // namespace spanring::agent
