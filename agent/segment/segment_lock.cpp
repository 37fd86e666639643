// SPDX-License-Identifier: Apache-2.0
#include "segment/segment_lock.hpp"

#include <fcntl.h>

#include "base/file_lock.hpp"

namespace spanring::agent {

Liveness process_liveness(int fd) {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_len = 1;
    if (fcntl(fd, F_OFD_GETLK, &lock) < 0) return Liveness::kUnknown;
    return lock.l_type == F_UNLCK ? Liveness::kDead : Liveness::kAlive;
}

int lock_for_drain(int fd) { return lock_bytes(fd, 1, 1); }

}  // namespace spanring::agent
