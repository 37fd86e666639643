// SPDX-License-Identifier: Apache-2.0
//
// Reads a file of rules out of the agent's state directory.
#pragma once

#include <string>

namespace spanring::agent {

// Empty where there is no such file. Throws std::runtime_error with its name: it cannot be read, is no regular file, or
// is larger than a file of rules can be.
std::string rules_text(const std::string& file);

}  // namespace spanring::agent
