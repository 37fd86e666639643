// SPDX-License-Identifier: Apache-2.0
//
// What lies where a state file belongs and is none (damaged, a FIFO, a folder, another user's) gets another name: a new
// file can be made, and people can look at the old one. The newest few of each name stay. Any thread.
#pragma once

#include <cstdint>
#include <string>

namespace spanring::agent {

// Renames it to PATH.damaged-20261128T145700.123456789Z, says so in the log with the reason, and returns the new name.
// Never opens it. Throws std::system_error.
std::string set_aside(const std::string& path, const std::string& why);

uint64_t files_set_aside();  // by this process

}  // namespace spanring::agent
