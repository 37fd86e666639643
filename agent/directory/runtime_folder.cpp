// SPDX-License-Identifier: Apache-2.0
#include "directory/runtime_folder.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include "base/directory.hpp"
#include "base/error_text.hpp"
#include "base/file_lock.hpp"
#include "base/foreign_file.hpp"
#include "ring/runtime_directory.hpp"

namespace spanring::agent {

namespace {

constexpr char kLockName[] = "agent.lock";

}  // namespace

RuntimeFolder::RuntimeFolder(std::string path, bool any_file_system)
    : path_(std::move(path)), any_file_system_(any_file_system) {}

void RuntimeFolder::close() {
    directory_.reset();
    lock_.reset();
}

int RuntimeFolder::open(bool create) {
    if (is_open()) return 0;
    int fd = -1;
    if (const int error = ring::open_checked_directory(path_.c_str(), create, any_file_system_, &fd); error != 0)
        return error;
    Descriptor directory(fd);
    struct stat status;
    if (fstat(fd, &status) < 0) return -errno;
    Descriptor lock(openat(fd, kLockName, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
    if (!lock) return -errno;
    if (const int error = lock_file(lock.get()); error != 0) {
        if (error == -EAGAIN) throw AgentBusy(path_);
        return error;
    }
    directory_ = std::move(directory);
    lock_ = std::move(lock);
    owner_ = status.st_uid;
    return 0;
}

bool RuntimeFolder::gone() const { return !is_at(directory_.get(), path_); }

std::vector<std::string> RuntimeFolder::scan(std::chrono::seconds temporary_age) {
    std::vector<std::string> names;
    if (!is_open()) return names;
    const bool listed = each_name(directory_.get(), [&](const char* name) {
        if (ring::parse_segment_name(name, nullptr)) names.emplace_back(name);
        if (ring::parse_temporary_name(name, nullptr) &&
            remove_if_abandoned(directory_.get(), name, owner_, temporary_age)) {
            spdlog::info("{}/{}: removed, its process died while it was being made", path_, name);
        }
    });
    if (!listed) spdlog::warn("{}: cannot be listed: {}", path_, error_text(errno));
    return names;
}

bool RuntimeFolder::identify(const std::string& name, dev_t& ret_device, ino_t& ret_inode) const {
    struct stat status;
    if (!identify_foreign(directory_.get(), name.c_str(), status)) return false;
    ret_device = status.st_dev;
    ret_inode = status.st_ino;
    return true;
}

SegmentFile RuntimeFolder::open_segment(const std::string& name) const {
    return open_segment_file(directory_.get(), name.c_str(), owner_);
}

bool RuntimeFolder::unlink(const std::string& name, dev_t device, ino_t inode) {
    return is_open() && remove_segment_file(directory_.get(), name.c_str(), device, inode);
}

}  // namespace spanring::agent
