// SPDX-License-Identifier: Apache-2.0
//
// Opens what lies in somebody else's directory, so that its owner cannot keep whoever opens it waiting: not a FIFO or a
// device, not a process that holds a lease on the file and does not give it back, and not a file system that is mounted
// over the name, whose answers may be another process's (FUSE). libc alone: the opener, which has rights, uses it too.
#pragma once

#include "base/descriptor.hpp"

struct stat;

namespace spanring::agent {

// `name` has no slash, and is not followed where it is a link. Nothing, and errno: EXDEV (something is mounted there),
// EAGAIN (a lease is being called back), ELOOP, or what open() says. A kernel older than 5.6 sees no mount.
Descriptor open_foreign(int directory, const char* name, int flags);

// The same file once more with other rights, whatever its name leads to by now.
Descriptor open_again(const Descriptor& file, int flags);

// Which file it is, without asking a file system that is mounted there: device and inode alone are sure to be right.
bool identify_foreign(int directory, const char* name, struct stat& ret_status);

}  // namespace spanring::agent
