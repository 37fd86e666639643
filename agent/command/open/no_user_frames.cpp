// SPDX-License-Identifier: Apache-2.0
//
// In place of user_frames.cpp where there is no libdw.
#include <cerrno>

#include "command/open/user_frames.hpp"

namespace spanring::agent {

bool can_walk_user_frames() { return false; }

int attach_to_thread(pid_t) { return -ENOSYS; }

ThreadFrames walk_user_frames(pid_t, pid_t) { return {}; }

}  // namespace spanring::agent
