// SPDX-License-Identifier: Apache-2.0
//
// By which a file that others replace while the agent runs is known to be another one. To be taken before the file is
// read: what changes meanwhile is then read once more.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <ctime>
#include <string>

namespace spanring::agent {

struct FileStamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    time_t seconds = 0;
    long nanos = 0;

    // Of no file, or of one that is not there: all zero.
    static FileStamp of(const std::string& path) {
        struct stat found {};
        if (path.empty() || ::stat(path.c_str(), &found) != 0) return {};
        return {found.st_dev, found.st_ino, found.st_size, found.st_mtim.tv_sec, found.st_mtim.tv_nsec};
    }
    bool operator==(const FileStamp&) const = default;
};

}  // namespace spanring::agent
