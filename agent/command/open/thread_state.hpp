// SPDX-License-Identifier: Apache-2.0
//
// What the kernel says of one thread of another process, without stopping it.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace spanring::agent {

struct ThreadState {
    bool exists = false;
    std::string name;                        // as the process named it
    std::string state;                       // "sleeping", "running", ...
    std::string waits_in;                    // function of the kernel; empty: in none, or not to be seen
    std::string system_call;                 // its number and arguments; empty: in none, or not to be seen
    std::vector<std::string> kernel_frames;  // the innermost first; for root
};

ThreadState thread_state(pid_t pid, pid_t thread);

// What state and system_call are made of: lines of /proc.
std::string state_in_stat(const std::string& stat);
std::vector<std::string> frames_in_stack(const std::string& stack);

}  // namespace spanring::agent
