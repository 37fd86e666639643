// SPDX-License-Identifier: Apache-2.0
//
// How often the library is in a process: a program may link it, and bring it again inside of a plugin, a Python
// extension or a module of another language. Each copy knows its own contexts alone.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "command/doctor/finding.hpp"

namespace spanring::agent {

// The files with code that `mappings` (/proc/PID/maps) names and that have a copy in them, each once. What cannot be
// read, or is larger than any such file, is passed over.
std::vector<std::string> library_copies(pid_t pid, const std::string& mappings);

// Nothing where there is one, or none.
Findings look_at_library_copies(pid_t pid, const std::string& mappings);

}  // namespace spanring::agent
