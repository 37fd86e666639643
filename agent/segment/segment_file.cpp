// SPDX-License-Identifier: Apache-2.0
#include "segment/segment_file.hpp"

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "segment/segment_lock.hpp"

namespace spanring::agent {

SegmentFile open_segment_file(int directory, const char* name, uid_t owner) {
    SegmentFile result;
    const auto fail = [&](int error) {
        result.report = {ring::AttachResult::kSystem, error};
        return std::move(result);
    };
    // It may be a FIFO or a device: not to wait for, not to become a terminal of.
    const Descriptor reading(openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat status;
    if (!reading) {
        const int error = errno;
        if (error != ELOOP && error != ENXIO) return fail(error);  // a symbolic link; a socket
        if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
            result.device = status.st_dev;
            result.inode = status.st_ino;
        }
        result.report.result = ring::AttachResult::kNotRegular;
        return result;
    }
    if (fstat(reading.get(), &status) < 0) return fail(errno);
    result.device = status.st_dev;
    result.inode = status.st_ino;
    result.report = ring::check_segment_file(reading.get(), owner, result.size);
    if (!result.report.ok()) return result;
    // The same file, whatever the name leads to by now.
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", reading.get());
    result.file = Descriptor(open(path, O_RDWR | O_CLOEXEC));
    return result.file ? std::move(result) : fail(errno);
}

bool remove_segment_file(int directory, const char* name, dev_t device, ino_t inode) {
    struct stat there;
    if (fstatat(directory, name, &there, AT_SYMLINK_NOFOLLOW) < 0) return false;
    if (there.st_dev != device || there.st_ino != inode) return false;
    return unlinkat(directory, name, 0) == 0;
}

bool remove_if_abandoned(int directory, const char* name, uid_t owner, std::chrono::seconds age) {
    const Descriptor file(openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat status;
    if (!file || fstat(file.get(), &status) < 0) return false;
    const bool ours = S_ISREG(status.st_mode) && status.st_uid == owner && status.st_nlink == 1;
    const bool old = ours && time(nullptr) - status.st_ctim.tv_sec >= age.count();
    return old && process_liveness(file.get()) == Liveness::kDead &&
           remove_segment_file(directory, name, status.st_dev, status.st_ino);
}

}  // namespace spanring::agent
