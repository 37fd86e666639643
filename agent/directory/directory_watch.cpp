// SPDX-License-Identifier: Apache-2.0
#include "directory/directory_watch.hpp"

#include <cerrno>
#include <system_error>

#include <unistd.h>

#include "ring/runtime_directory.hpp"

namespace spanring::agent {

namespace {

constexpr uint32_t kParentEvents = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_MASK_ADD;

}  // namespace

DirectoryWatch::DirectoryWatch() : fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    if (!fd_) throw std::system_error(errno, std::generic_category(), "inotify (fs.inotify.max_user_instances?)");
}

void DirectoryWatch::watch(size_t folder, const std::string& path) {
    // Without a watch (none left, or no such directory) the periodic scan finds everything, later.
    const int descriptor = inotify_add_watch(fd_.get(), path.c_str(), kFolderEvents | IN_MASK_ADD);
    if (descriptor >= 0) folders_[descriptor] = folder;
    const size_t slash = path.find_last_of('/');
    const std::string parent = slash == 0 ? "/" : path.substr(0, slash);
    if (slash != std::string::npos) watch_parent(parent);
}

void DirectoryWatch::watch_parent(const std::string& path) {
    inotify_add_watch(fd_.get(), path.c_str(), kParentEvents);
}

void DirectoryWatch::watch_file(const std::string& directory, const std::string& name) {
    constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR | IN_MASK_ADD;
    file_folder_ = inotify_add_watch(fd_.get(), directory.c_str(), kEvents);
    file_name_ = name;
}

WatchHints DirectoryWatch::poll() {
    WatchHints hints;
    alignas(inotify_event) char buffer[16384];
    for (;;) {
        const ssize_t size = read(fd_.get(), buffer, sizeof buffer);
        if (size <= 0) return hints;
        for (ssize_t at = 0; at < size;) {
            const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
            at += static_cast<ssize_t>(sizeof *event + event->len);
            const auto folder = folders_.find(event->wd);
            // The directory may be watched for another reason as well.
            if (event->wd == file_folder_ && event->len != 0 && file_name_ == event->name) hints.file = true;
            if ((event->mask & IN_Q_OVERFLOW) != 0) {
                hints.rescan = hints.file = true;
            } else if (folder == folders_.end()) {
                // A parent. Only directories matter there.
                hints.rescan = hints.rescan || (event->mask & IN_ISDIR) != 0;
            } else if ((event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) != 0) {
                if ((event->mask & IN_IGNORED) != 0) folders_.erase(folder);
                hints.rescan = true;
            } else if (event->len != 0 && ring::parse_segment_name(event->name, nullptr)) {
                hints.files.emplace_back(folder->second, event->name);
            }
        }
    }
}

}  // namespace spanring::agent
