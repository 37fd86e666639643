// SPDX-License-Identifier: Apache-2.0
//
// Exclusive locks of open file descriptions: the kernel drops one when the last descriptor and mapping of its opening
// are gone, and so knows when its holder died. libc alone: the opener, which has rights, uses it too.
#pragma once

#include <sys/types.h>

namespace spanring::agent {

// 0, -EAGAIN (somebody else holds it), or -errno.
int lock_file(int fd);  // the whole of it
int lock_bytes(int fd, off_t start, off_t length);

}  // namespace spanring::agent
