// SPDX-License-Identifier: Apache-2.0
//
// What the library makes of the environment of a process (lib/trace reads it; docs/spans.md and docs/sampling.md say
// how): what switches recording off, and what it does not understand and takes as unset, silently, since a library does
// not print.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace spanring::agent {

using Variables = std::map<std::string, std::string>;

struct VariableNote {
    enum class Kind : uint8_t {
        kOff,            // nothing is recorded
        kLess,           // something is not
        kNotUnderstood,  // as if it were not set
    };
    Kind kind;
    std::string name;
    std::string text;  // the value and what follows from it
};

std::vector<VariableNote> judge(const Variables& variables);

}  // namespace spanring::agent
