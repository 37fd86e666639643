// SPDX-License-Identifier: Apache-2.0
#include "base/file_lock.hpp"

#include <cerrno>

#include <fcntl.h>

namespace spanring::agent {

int lock_bytes(int fd, off_t start, off_t length) {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = start;
    lock.l_len = length;
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0) return 0;
    return errno == EACCES ? -EAGAIN : -errno;
}

int lock_file(int fd) { return lock_bytes(fd, 0, 0); }

}  // namespace spanring::agent
