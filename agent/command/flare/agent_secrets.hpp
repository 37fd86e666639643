// SPDX-License-Identifier: Apache-2.0
//
// The secrets that an agent has: in its configuration, in files that this names, in its environment.
#pragma once

#include "command/flare/secret_words.hpp"

namespace spanring::agent {

struct LoadedConfig;
struct Site;

void add_secrets(const LoadedConfig& loaded, SecretWords& words);
// Of the running agent, and of this process.
void add_variables(const Site& site, SecretWords& words);

}  // namespace spanring::agent
