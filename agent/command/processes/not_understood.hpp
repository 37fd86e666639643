// SPDX-License-Identifier: Apache-2.0
//
// What the library did not understand in the environment of a process that runs.
#pragma once

#include <string>
#include <vector>

#include "accounts/process_accounts.hpp"

namespace spanring::agent {

// A sentence for each variable. None where the process is gone, is another user's, or is not to be seen from here.
std::vector<std::string> not_understood(const ProcessAccount& process);

}  // namespace spanring::agent
