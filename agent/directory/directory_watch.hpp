// SPDX-License-Identifier: Apache-2.0
//
// What the kernel tells of runtime directories (inotify): hints where to look. A segment that appears is seen by its
// rename, a death by the last close of its file. Nothing is decided by a hint, and lost ones are made up for by a scan.
//
// Anybody can make events in a directory of theirs, or in the shared one above it, as fast as a core goes. So the queue
// is read a part at a time, of a parent only the names of what is served count, and a directory that floods is not
// watched for a while. Drain thread only.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sys/inotify.h>

#include "base/descriptor.hpp"

namespace spanring::agent {

struct WatchHints {
    std::vector<std::pair<size_t, std::string>> files;  // folder and name: appeared or was closed
    bool refresh = false;                               // a directory may have come or gone
    bool lost = false;                                  // anything may have happened
    bool file = false;                                  // the one of watch_file() may have changed

    bool any() const { return !files.empty() || refresh || lost || file; }
};

class DirectoryWatch {
public:
    using Time = std::chrono::steady_clock::time_point;

    // Of what has no name there any more nothing is told: the agent's own last close of a segment that it has removed
    // would be one event in three.
    static constexpr uint32_t kFolderEvents =
        IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK;

    // Of one directory in a second; a process makes two in its life. One that makes more is found by scans alone, for
    // a while: 500 events cost about a millisecond.
    static constexpr uint32_t kMostEvents = 2000;
    static constexpr std::chrono::seconds kPause{10};

    DirectoryWatch();  // throws std::system_error

    int fd() const { return fd_.get(); }

    // Whether what happens in the folder is told: as it changes, for any thread to look, as long as this lives.
    const std::atomic<bool>& hearing(size_t folder) { return heard_[folder]; }

    // Watches the directory, where it is there, and its parent. To be repeated when it came or went.
    void watch(size_t folder, const std::string& path);

    // A watch of kFolderEvents that somebody with more rights has added to fd().
    void adopt(size_t folder, int descriptor);

    // The directory in which those of all users are, named by their numbers.
    void watch_users(const std::string& path);

    // Watches a file of a directory that is there; once. The file may be missing, and is replaced by renames.
    void watch_file(const std::string& directory, const std::string& name);

    // Whether the folder's watch was given up for a while that is over.
    bool is_to_renew(size_t folder, Time now) const;

    // What happened since the last call, or a part of it; never waits.
    WatchHints poll(Time now);

private:
    struct Parent {
        std::string path;
        std::set<std::string> names;  // of directories that are served, or will be
        bool users = false;           // numbers too
    };
    struct Flow {
        Time since{};
        uint32_t events = 0;
    };

    void watch_parent(const Parent& parent);
    void take(const inotify_event& event, Time now, WatchHints& hints);
    void forget_folder(int descriptor);
    bool floods(int descriptor, Time now);
    void turn_away(int descriptor, Time now);
    bool renew_parents(Time now);

    Descriptor fd_;
    std::map<int, size_t> folders_;              // watch descriptor of a runtime directory
    std::map<size_t, std::atomic<bool>> heard_;  // whether one of these is of the directory
    std::map<int, Parent> parents_;
    std::map<int, Flow> flows_;
    std::map<size_t, Time> silent_folders_;  // until when
    std::vector<std::pair<Time, Parent>> silent_parents_;
    int file_folder_ = -1;  // watch descriptor of the directory of
    std::string file_name_;
};

}  // namespace spanring::agent
