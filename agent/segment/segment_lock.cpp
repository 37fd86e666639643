// SPDX-License-Identifier: Apache-2.0
#include "segment/segment_lock.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace spanring::agent {

namespace {

struct flock range(off_t start, off_t length) {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = start;
    lock.l_len = length;
    return lock;
}

int take(int fd, off_t start, off_t length) {
    struct flock lock = range(start, length);
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0) return 0;
    return errno == EACCES ? -EAGAIN : -errno;
}

}  // namespace

Liveness process_liveness(int fd) {
    struct flock lock = range(0, 1);
    if (fcntl(fd, F_OFD_GETLK, &lock) < 0) return Liveness::kUnknown;
    return lock.l_type == F_UNLCK ? Liveness::kDead : Liveness::kAlive;
}

int lock_for_drain(int fd) { return take(fd, 1, 1); }

int lock_file(int fd) { return take(fd, 0, 0); }

}  // namespace spanring::agent
