// SPDX-License-Identifier: Apache-2.0
//
// What stands in a value for something else: ${env:NAME}, ${env:NAME:-default}, ${NAME}, ${file:PATH} and $$.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace spanring::agent {

class Environment;

struct Substituted {
    std::string text;
    bool of_file = false;  // in part at least: nobody shows it
    std::vector<std::string> problems = {};
};

// A file's last line break does not count. `most`: bytes of the result.
Substituted substitute(const std::string& text, const Environment& environment, size_t most);

}  // namespace spanring::agent
