// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace spanring::agent {

// Creates `directory` and its missing parents, each 0700. Throws std::system_error.
void make_private_directories(const std::string& directory);

// The same, and throws std::runtime_error where it is not this user's or root's, or where others can write to it.
void prepare_private_directory(const std::string& directory);

}  // namespace spanring::agent
