// SPDX-License-Identifier: Apache-2.0
//
// The functions that a thread of another process is in. What belongs to the process is found first, then the thread is
// stopped for as long as its stack is walked, and names are looked up when it runs again.
//
// By libdw of elfutils, as eu-stack and systemd-coredump do: it walks by .eh_frame where there is neither debug
// information nor a frame pointer, and finds names in separate debug files too, where libunwind's ptrace half knows the
// symbols of the mapped files alone. It reads files that the process chose: only confined_frames.hpp calls this.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace spanring::agent {

struct UserFrame {
    uint64_t address = 0;
    std::string function;  // demangled; empty: not known
    std::string module;    // the file
};

struct ThreadFrames {
    std::vector<UserFrame> frames;  // the innermost first
    uint64_t stopped_nano = 0;      // how long it was stopped for that; 0: it was not
    std::string problem;            // why there are none
};

// False: this program was built without libdw.
bool can_walk_user_frames();

// Attaches to the thread and stops nothing (PTRACE_SEIZE). 0 or -errno.
int attach_to_thread(pid_t thread);

// Of a thread that the caller is attached to, and no longer is afterwards.
ThreadFrames walk_user_frames(pid_t process, pid_t thread);

}  // namespace spanring::agent
