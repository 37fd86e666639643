// SPDX-License-Identifier: Apache-2.0
#include "base/foreign_file.hpp"

#include <cerrno>
#include <cstdint>
#include <cstdio>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace spanring::agent {

Descriptor open_foreign(int directory, const char* name, int flags) {
    flags |= O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    open_how how = {};
    how.flags = static_cast<uint64_t>(flags);
    how.resolve = RESOLVE_NO_XDEV;
    const auto file = static_cast<int>(syscall(SYS_openat2, directory, name, &how, sizeof how));
    // EPERM: a filter of system calls that is older than this one, as containers have it.
    if (file < 0 && (errno == ENOSYS || errno == EPERM)) return Descriptor(openat(directory, name, flags));
    return Descriptor(file);
}

Descriptor open_again(const Descriptor& file, int flags) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file.get());
    return Descriptor(open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

bool identify_foreign(int directory, const char* name, struct stat& ret_status) {
    struct statx status;
    if (statx(directory, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_INO, &status) < 0)
        return false;
    ret_status = {};
    ret_status.st_dev = makedev(status.stx_dev_major, status.stx_dev_minor);
    ret_status.st_ino = static_cast<ino_t>(status.stx_ino);
    return true;
}

}  // namespace spanring::agent
