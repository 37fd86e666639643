// SPDX-License-Identifier: Apache-2.0
//
// A file of the agent's own in its state directory: regular, this user's, for nobody else (0600). Never followed
// through a link, never waited for.
#pragma once

#include <string>

#include "base/descriptor.hpp"

namespace spanring::agent {

// Why what lies there cannot be such a file; empty: it can, or nothing lies there.
std::string fault_of_state_file(const std::string& path);

// What is there and is no such file is set aside, and one that is gets its mode back. Throws std::system_error.
void prepare_state_file(const std::string& path);

// For reading and writing; makes it where it is missing. What is there and is no such file is set aside. Throws
// std::system_error (a full disk, above all).
Descriptor open_state_file(const std::string& path);

// The same for a directory (0700); its parent exists.
void make_state_directory(const std::string& path);

}  // namespace spanring::agent
