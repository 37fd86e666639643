// SPDX-License-Identifier: Apache-2.0
//
// A tmpfs of the calling process's own, of a size that can be used up. For a child process: it moves into new
// namespaces.
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/private_directory.hpp"

namespace spanring::test {

namespace detail {

inline bool write_file(const char* path, const std::string& text) {
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    const bool done = fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (fd >= 0) close(fd);
    return done;
}

}  // namespace detail

// Mounts it over `path`. Empty, or why that is not allowed here.
inline std::string mount_small_tmpfs(const std::string& path, const std::string& size) {
    const uid_t user = geteuid();
    const gid_t group = getegid();
    if (unshare(CLONE_NEWNS) != 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
            return std::string("no mount namespace can be made: ") + strerror(errno);
        detail::write_file("/proc/self/setgroups", "deny");
        const auto map = [](uint32_t id) { return std::to_string(id) + " " + std::to_string(id) + " 1"; };
        if (!detail::write_file("/proc/self/uid_map", map(user)) ||
            !detail::write_file("/proc/self/gid_map", map(group)))
            return "users cannot be mapped into a namespace";
    }
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return std::string("mounts cannot be made private: ") + strerror(errno);
    const std::string options = "mode=0700,size=" + size;
    if (mount("tmpfs", path.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0)
        return std::string("no tmpfs can be mounted: ") + strerror(errno);
    return "";
}

// In a child process: a runtime directory on a tmpfs of 1 MiB, named by $SPANRING_DIR.
class SmallDirectory {
public:
    SmallDirectory() : refusal_(mount_small_tmpfs(directory_.path(), "1m")) {}
    ~SmallDirectory() { umount2(directory_.path().c_str(), MNT_DETACH); }
    SmallDirectory(const SmallDirectory&) = delete;
    SmallDirectory& operator=(const SmallDirectory&) = delete;

    const std::string& refusal() const { return refusal_; }  // empty: it is there
    const std::string& path() const { return directory_.path(); }
    std::vector<std::string> files() const { return directory_.files(); }

private:
    PrivateDirectory directory_;
    const std::string refusal_;
};

// Fills the file system of `path` to its last page, by a file of this name. Returns its size.
inline size_t fill_up(const std::string& path) {
    const int fd = open((path + "/.filler").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    char page[4096] = {1};
    size_t size = 0;
    for (ssize_t done; (done = write(fd, page, sizeof page)) > 0;) size += static_cast<size_t>(done);
    close(fd);
    return size;
}
inline void make_room(const std::string& path) { unlink((path + "/.filler").c_str()); }

}  // namespace spanring::test

#define SKIP_UNLESS_MOUNTED(directory) \
    if (!(directory).refusal().empty()) GTEST_SKIP() << (directory).refusal()
