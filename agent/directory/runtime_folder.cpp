// SPDX-License-Identifier: Apache-2.0
#include "directory/runtime_folder.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/directory.hpp"
#include "base/file_lock.hpp"
#include "ring/runtime_directory.hpp"

namespace spanring::agent {

namespace {

constexpr char kLockName[] = "agent.lock";

}  // namespace

RuntimeFolder::RuntimeFolder(std::string path, bool any_file_system)
    : path_(std::move(path)), any_file_system_(any_file_system) {}

void RuntimeFolder::close() {
    listing_.close();
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

Listing RuntimeFolder::scan(size_t most, std::chrono::seconds temporary_age) {
    if (!is_open()) return {};
    return listing_.next(directory_.get(), path_, most, [&](const char* name) {
        return remove_if_abandoned(directory_.get(), name, owner_, temporary_age);
    });
}

SegmentFile RuntimeFolder::open_segment(const std::string& name) const {
    return open_segment_file(directory_.get(), name.c_str(), owner_);
}

bool RuntimeFolder::unlink(const std::string& name, dev_t device, ino_t inode) {
    return is_open() && remove_segment_file(directory_.get(), name.c_str(), device, inode);
}

}  // namespace spanring::agent
