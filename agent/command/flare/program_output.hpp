// SPDX-License-Identifier: Apache-2.0
//
// What another program says, bounded in bytes and in time.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace spanring::agent {

struct ProgramOutput {
    std::string out, err;
    std::string problem;  // why this is not all, or that it ended badly; empty: all is well
    int code = -1;        // -1: it did not end by itself
};

// `arguments`: the program first, a file or a name that is looked for in $PATH. It reads nothing.
ProgramOutput output_of(const std::vector<std::string>& arguments, size_t most, std::chrono::seconds patience);

}  // namespace spanring::agent
