// SPDX-License-Identifier: Apache-2.0
//
// user_frames.hpp in a process of its own, bounded in time and memory, and without root's rights: the files that say
// what the functions are called were chosen by the process that is looked at.
#pragma once

#include <chrono>

#include <sys/types.h>

#include "command/open/user_frames.hpp"

namespace spanring::agent {

// `owner`: whose process it is, where root looks.
ThreadFrames confined_frames(pid_t process, pid_t thread, uid_t owner, std::chrono::milliseconds patience);

}  // namespace spanring::agent
