// SPDX-License-Identifier: Apache-2.0
//
// With what configuration an agent runs: that of the running one, by its command line and its environment, else what
// one would find that is started now.
//
// Header bill: config.hpp, of which it returns one.
#pragma once

#include <optional>
#include <string>

#include "command/sites.hpp"
#include "config/config.hpp"

namespace spanring::agent {

struct AgentConfiguration {
    std::string source;                  // as a sentence begins: "of the running agent, pid 12"
    std::optional<LoadedConfig> loaded;  // empty: it may not be seen
};

// `file`: named by the caller, and then the one that is looked at.
AgentConfiguration configuration_of(const Site& site, const std::string& file);

}  // namespace spanring::agent
