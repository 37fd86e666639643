// SPDX-License-Identifier: Apache-2.0
#include "ring/own_file.hpp"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace spanring::ring {
namespace {

constexpr long kSignalSetSize = _NSIG / 8;  // as the kernel has it

// Of the agent's lock: byte 1 (docs/shared-memory.md, 8). Shared, which a descriptor for reading may have, and an
// agent's is not.
bool set_lock(int file, short type) {
    struct flock lock = {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = 1;
    lock.l_len = 1;
    return fcntl(file, F_OFD_SETLK, &lock) == 0;
}

}  // namespace

// System calls, not the functions of libc: those leave out the signal by which a thread is cancelled, and are places
// where that happens.
OwnFile::OwnFile(const char* path) : error_(errno) {
    uint8_t all[sizeof signals_];
    static_assert(kSignalSetSize <= static_cast<long>(sizeof signals_));
    memset(all, 0xff, sizeof all);
    memset(signals_, 0, sizeof signals_);
    blocked_ = syscall(SYS_rt_sigprocmask, SIG_SETMASK, all, signals_, kSignalSetSize) == 0;
    if (!blocked_ || path[0] == '\0') return;
    file_ = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0));
}

OwnFile::~OwnFile() {
    if (locked_) set_lock(file_, F_UNLCK);
    if (file_ >= 0) syscall(SYS_close, file_);
    if (blocked_) syscall(SYS_rt_sigprocmask, SIG_SETMASK, signals_, nullptr, kSignalSetSize);
    errno = error_;
}

uint64_t OwnFile::memory() const {
    struct stat status;
    return fstat(file_, &status) == 0 ? static_cast<uint64_t>(status.st_blocks) * 512 : ~uint64_t{0};
}

bool OwnFile::lock_as_agent() const { return locked_ = locked_ || set_lock(file_, F_RDLCK); }

}  // namespace spanring::ring
