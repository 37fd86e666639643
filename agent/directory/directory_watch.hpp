// SPDX-License-Identifier: Apache-2.0
//
// What the kernel tells of runtime directories (inotify): hints where to look. A segment that appears is seen by its
// rename, a death by the last close of its file. Nothing is decided by a hint, and lost ones are made up for by a scan.
// Drain thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <sys/inotify.h>

#include "base/descriptor.hpp"

namespace spanring::agent {

struct WatchHints {
    std::vector<std::pair<size_t, std::string>> files;  // folder and name: appeared or was closed
    bool rescan = false;                                // events were lost, or a directory came or went
    bool file = false;                                  // the one of watch_file() may have changed
};

class DirectoryWatch {
public:
    static constexpr uint32_t kFolderEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

    DirectoryWatch();  // throws std::system_error

    int fd() const { return fd_.get(); }

    // Watches the directory, where it is there, and its parent. To be repeated when it came or went.
    void watch(size_t folder, const std::string& path);

    // A watch of kFolderEvents that somebody with more rights has added to fd().
    void adopt(size_t folder, int descriptor) { folders_[descriptor] = folder; }
    void watch_parent(const std::string& path);

    // Watches a file of a directory that is there; once. The file may be missing, and is replaced by renames.
    void watch_file(const std::string& directory, const std::string& name);

    // What happened since the last call; never waits.
    WatchHints poll();

private:
    Descriptor fd_;
    std::map<int, size_t> folders_;  // watch descriptor of a runtime directory
    int file_folder_ = -1;           // watch descriptor of the directory of
    std::string file_name_;
};

}  // namespace spanring::agent
