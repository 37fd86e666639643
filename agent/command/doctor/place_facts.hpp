// SPDX-License-Identifier: Apache-2.0
//
// The directories in which segments may lie, in the order in which the library chooses, and what is in them. Nothing is
// made or changed.
#pragma once

#include <string>
#include <vector>

#include "command/doctor/finding.hpp"

namespace spanring::agent {

struct Places {
    Findings findings;
    std::string usable;                    // where a segment would be made, if it is there already
    std::vector<std::string> directories;  // those that are there and sound
};

// `given`: named by the caller, in place of the library's choice; on any file system.
Places look_at_places(const std::vector<std::string>& given);

// Segments of another layout than this program's.
Findings look_at_segments(const std::vector<std::string>& directories);

// Whether logind takes the directory away at logout.
Findings look_at_logind(const std::string& directory);

}  // namespace spanring::agent
