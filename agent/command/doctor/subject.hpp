// SPDX-License-Identifier: Apache-2.0
//
// The process for which `spanring doctor` looks: the one that --pid names, else the doctor itself, which stands for a
// process of the same user and with the same environment.
#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "command/doctor/finding.hpp"
#include "command/library_variables.hpp"

namespace spanring::agent {

struct Subject {
    pid_t pid = 0;
    uid_t user = 0;
    gid_t group = 0;
    std::string program;   // as the kernel has it
    std::string mappings;  // /proc/PID/maps
    Variables variables;

    // Throws std::runtime_error: there is none, or this user may not look at it.
    static Subject of(pid_t pid);
    static Subject self();

    // Looks from here on as that process does: with its variables ...
    void take_variables() const;
    // ... and, where root is asked, as its user, for good.
    void take_user() const;

    Findings look() const;  // is it where it seems to be
};

}  // namespace spanring::agent
