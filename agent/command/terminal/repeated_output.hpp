// SPDX-License-Identifier: Apache-2.0
//
// A text that is made again once a period until a signal ends the command: drawn in one place where stdout is a
// terminal, else printed one below the other.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace spanring::agent {

struct Repetition {
    std::chrono::nanoseconds period{};
    bool in_place = true;  // false: on a terminal one below the other, too
    std::string title;     // before each, with the time; empty: none, and no blank line between two of them
};

// Returns the command's exit code. What `make` throws goes through, and the terminal is put back.
int repeat_output(const Repetition& how, const std::function<std::string()>& make);

}  // namespace spanring::agent
