// SPDX-License-Identifier: Apache-2.0
//
// How the process begins, and no part of its configuration: flags that parse_flags() knows and checks.
#pragma once

#include <string_view>

namespace spanring::agent {

struct RunMode {
    static constexpr char kReplace[] = "--replace";
    static constexpr char kBackground[] = "--background";

    bool replace = false;     // an agent that runs
    bool background = false;  // once it is ready
};

inline RunMode run_mode(int argc, const char* const* argv) {
    RunMode mode;
    for (int i = 1; i < argc; ++i) {
        mode.replace = mode.replace || argv[i] == std::string_view(RunMode::kReplace);
        mode.background = mode.background || argv[i] == std::string_view(RunMode::kBackground);
    }
    return mode;
}

}  // namespace spanring::agent
