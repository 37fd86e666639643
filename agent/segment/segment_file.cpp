// SPDX-License-Identifier: Apache-2.0
#include "segment/segment_file.hpp"

#include <cerrno>
#include <ctime>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/foreign_file.hpp"
#include "segment/segment_lock.hpp"

namespace spanring::agent {

SegmentFile open_segment_file(int directory, const char* name, uid_t owner) {
    SegmentFile result;
    const auto fail = [&](int error) {
        result.report = {ring::AttachResult::kSystem, error};
        return std::move(result);
    };
    const Descriptor reading = open_foreign(directory, name, O_RDONLY);
    struct stat status;
    if (!reading) {
        const int error = errno;
        if (error != ELOOP && error != ENXIO && error != EXDEV) return fail(error);  // a link; a socket; a mount
        if (identify_foreign(directory, name, status)) {
            result.device = status.st_dev;
            result.inode = status.st_ino;
        }
        result.report.result = ring::AttachResult::kNotRegular;
        return result;
    }
    if (fstat(reading.get(), &status) < 0) return fail(errno);
    result.device = status.st_dev;
    result.inode = status.st_ino;
    result.report = ring::check_segment_file(status, owner, result.size);
    if (!result.report.ok()) return result;
    result.file = open_again(reading, O_RDWR);
    return result.file ? std::move(result) : fail(errno);
}

bool remove_segment_file(int directory, const char* name, dev_t device, ino_t inode) {
    struct stat there;
    if (!identify_foreign(directory, name, there)) return false;
    if (there.st_dev != device || there.st_ino != inode) return false;
    return unlinkat(directory, name, 0) == 0;
}

bool remove_if_abandoned(int directory, const char* name, uid_t owner, std::chrono::seconds age) {
    const Descriptor file = open_foreign(directory, name, O_RDONLY);
    struct stat status;
    if (!file || fstat(file.get(), &status) < 0) return false;
    const bool ours = S_ISREG(status.st_mode) && status.st_uid == owner && status.st_nlink == 1;
    const bool old = ours && time(nullptr) - status.st_ctim.tv_sec >= age.count();
    return old && process_liveness(file.get()) == Liveness::kDead &&
           remove_segment_file(directory, name, status.st_dev, status.st_ino);
}

}  // namespace spanring::agent
