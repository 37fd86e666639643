// SPDX-License-Identifier: Apache-2.0
//
// Who is alive, as the kernel knows it: open-file-description locks on the segment's file. Byte 0 is the process's,
// held by its mapping alone; byte 1 is held by the agent that drains.
#pragma once

namespace spanring::agent {

enum class Liveness { kAlive, kDead, kUnknown };  // unknown: the system refused to tell; treated as alive

Liveness process_liveness(int fd);

// For as long as `fd` is open. 0, -EAGAIN (another agent drains it), or -errno.
int lock_for_drain(int fd);

}  // namespace spanring::agent
