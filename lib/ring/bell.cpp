// SPDX-License-Identifier: Apache-2.0
#include "ring/bell.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace spanring::ring {

void Bell::ring() const {
    if (path_[0] == '\0') return;
    const int before = errno;
    // Not the functions of libc, at which a thread may be cancelled.
    const long file =
        syscall(SYS_openat, AT_FDCWD, path_, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    if (file >= 0) syscall(SYS_close, file);
    errno = before;
}

}  // namespace spanring::ring
