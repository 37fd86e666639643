// SPDX-License-Identifier: Apache-2.0
#include "directory/directory_watch.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <spdlog/spdlog.h>
#include <unistd.h>

#include "ring/runtime_directory.hpp"

namespace spanring::agent {

namespace {

constexpr uint32_t kParentEvents = IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_MASK_ADD;

bool is_number(const std::string& name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

DirectoryWatch::DirectoryWatch() : fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    if (!fd_) throw std::system_error(errno, std::generic_category(), "inotify (fs.inotify.max_user_instances?)");
}

void DirectoryWatch::watch(size_t folder, const std::string& path) {
    // Without a watch (none left, or no such directory) the periodic scan finds everything, later.
    adopt(folder, inotify_add_watch(fd_.get(), path.c_str(), kFolderEvents | IN_MASK_ADD));
    const size_t slash = path.find_last_of('/');
    if (slash == std::string::npos) return;
    watch_parent({slash == 0 ? "/" : path.substr(0, slash), {path.substr(slash + 1)}, false});
}

void DirectoryWatch::adopt(size_t folder, int descriptor) {
    silent_folders_.erase(folder);
    if (descriptor < 0) return;
    folders_[descriptor] = folder;
    heard_[folder].store(true, std::memory_order_relaxed);  // relaxed: who misses it looks nevertheless
}

void DirectoryWatch::forget_folder(int descriptor) {
    const auto found = folders_.find(descriptor);
    if (found == folders_.end()) return;
    const size_t folder = found->second;
    folders_.erase(found);
    // One that came back has another watch by now.
    if (std::none_of(folders_.begin(), folders_.end(), [&](const auto& watch) { return watch.second == folder; }))
        heard_[folder].store(false, std::memory_order_relaxed);
}

void DirectoryWatch::watch_users(const std::string& path) { watch_parent({path, {}, true}); }

void DirectoryWatch::watch_parent(const Parent& parent) {
    for (auto& [until, silent] : silent_parents_) {
        if (silent.path != parent.path) continue;
        silent.names.insert(parent.names.begin(), parent.names.end());
        return;
    }
    const int descriptor = inotify_add_watch(fd_.get(), parent.path.c_str(), kParentEvents);
    if (descriptor < 0) return;
    Parent& known = parents_[descriptor];
    known.path = parent.path;
    known.names.insert(parent.names.begin(), parent.names.end());
    known.users = known.users || parent.users;
}

void DirectoryWatch::watch_file(const std::string& directory, const std::string& name) {
    constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR | IN_MASK_ADD;
    file_folder_ = inotify_add_watch(fd_.get(), directory.c_str(), kEvents);
    file_name_ = name;
}

bool DirectoryWatch::is_to_renew(size_t folder, Time now) const {
    const auto silent = silent_folders_.find(folder);
    return silent != silent_folders_.end() && now >= silent->second;
}

WatchHints DirectoryWatch::poll(Time now) {
    WatchHints hints;
    hints.refresh = renew_parents(now);
    alignas(inotify_event) char buffer[16384];
    const ssize_t size = read(fd_.get(), buffer, sizeof buffer);
    for (ssize_t at = 0; at < size;) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
        at += static_cast<ssize_t>(sizeof *event + event->len);
        take(*event, now, hints);
    }
    return hints;
}

void DirectoryWatch::take(const inotify_event& event, Time now, WatchHints& hints) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) {
        hints.lost = hints.refresh = hints.file = true;
        return;
    }
    const std::string name = event.len != 0 ? event.name : "";
    // A directory may be watched for several reasons.
    if (event.wd == file_folder_ && !name.empty() && file_name_ == name) hints.file = true;
    if (const auto parent = parents_.find(event.wd); parent != parents_.end() && (event.mask & IN_ISDIR) != 0) {
        const bool served = parent->second.names.contains(name) || (parent->second.users && is_number(name));
        hints.refresh = hints.refresh || served;
    }
    if (const auto folder = folders_.find(event.wd); folder != folders_.end()) {
        if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) != 0)
            hints.refresh = true;
        else if (ring::parse_segment_name(name.c_str(), nullptr))
            hints.files.emplace_back(folder->second, name);
    }
    if ((event.mask & IN_IGNORED) != 0) {
        forget_folder(event.wd);
        parents_.erase(event.wd);
        flows_.erase(event.wd);
    } else if (floods(event.wd, now)) {
        turn_away(event.wd, now);
    }
}

bool DirectoryWatch::floods(int descriptor, Time now) {
    if (descriptor == file_folder_) return false;                                        // the agent's own
    if (!folders_.contains(descriptor) && !parents_.contains(descriptor)) return false;  // turned away already
    Flow& flow = flows_[descriptor];
    if (now - flow.since >= std::chrono::seconds(1)) flow = {now, 0};
    return ++flow.events > kMostEvents;
}

void DirectoryWatch::turn_away(int descriptor, Time now) {
    inotify_rm_watch(fd_.get(), descriptor);
    if (const auto folder = folders_.find(descriptor); folder != folders_.end()) {
        silent_folders_[folder->second] = now + kPause;
        forget_folder(descriptor);
    }
    if (const auto parent = parents_.find(descriptor); parent != parents_.end()) {
        spdlog::debug("{}: floods, and is not watched for a while", parent->second.path);
        silent_parents_.emplace_back(now + kPause, std::move(parent->second));
        parents_.erase(parent);
    }
    flows_.erase(descriptor);
}

// True: one is watched again.
bool DirectoryWatch::renew_parents(Time now) {
    std::vector<std::pair<Time, Parent>> still;
    std::swap(still, silent_parents_);
    bool renewed = false;
    for (auto& [until, parent] : still) {
        if (now < until) {
            silent_parents_.emplace_back(until, std::move(parent));
        } else {
            watch_parent(parent);
            renewed = true;
        }
    }
    return renewed;
}

}  // namespace spanring::agent
