// SPDX-License-Identifier: Apache-2.0
//
// Whether a process still has what it had open: the end of one of its sockets is seen before the last of its locks
// goes.
#pragma once

#include <sys/types.h>

namespace spanring::agent {

// False too where it cannot be told: another name space, no /proc.
bool is_there(pid_t process);

}  // namespace spanring::agent
