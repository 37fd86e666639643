// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

namespace spanring::agent {

struct Program {
    std::string id;                    // by which it is asked for
    std::vector<std::string> command;  // a file, and its arguments: no shell sees them
    std::map<std::string, std::string> environment;
    std::string directory;
};

}  // namespace spanring::agent
