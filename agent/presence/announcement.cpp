// SPDX-License-Identifier: Apache-2.0
#include "presence/announcement.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include "base/error_text.hpp"
#include "presence/running_agent.hpp"

namespace spanring::agent {
namespace {

bool same_file(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

bool is_same_file(int fd, const struct stat& other) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 && same_file(status, other);
}

bool take_lock(int file) {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return ::fcntl(file, F_SETLK, &lock) == 0;
}

// With its lock from before it has its name. Returns why not, or nothing.
std::string write_locked(int directory, const Notice& notice, mode_t mode, Descriptor& ret_file) {
    const std::string made = std::string(Notice::kName) + "." + std::to_string(notice.pid);
    ::unlinkat(directory, made.c_str(), 0);  // an agent of the same number was killed just here
    Descriptor file(::openat(directory, made.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return error_text(errno);
    const std::string text = notice.text();
    const bool done = ::fchmod(file.get(), mode) == 0 && take_lock(file.get()) &&
                      ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                      ::renameat(directory, made.c_str(), directory, Notice::kName) == 0;
    if (!done) {
        const std::string problem = error_text(errno);
        ::unlinkat(directory, made.c_str(), 0);
        return problem;
    }
    ret_file = std::move(file);
    return {};
}

// Of an agent of all users, which gave up the right to make files there: what is in its file. At once, so that nobody
// reads a part of it.
bool write_again(int file, const Notice& notice) {
    struct stat before {};
    if (::fstat(file, &before) != 0) return false;
    std::string text = notice.text();
    const size_t size = text.size();
    text.resize(std::max(size, static_cast<size_t>(before.st_size)), '\n');
    return ::pwrite(file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
           ::ftruncate(file, static_cast<off_t>(size)) == 0;
}

// Likewise: that of an agent of the same user, which is gone.
bool take_over(int directory, const Notice& notice, Descriptor& ret_file) {
    Descriptor file(::openat(directory, Notice::kName, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat status {};
    const bool own = file && ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1 &&
                     status.st_uid == ::geteuid() && (status.st_mode & 022) == 0 &&
                     static_cast<size_t>(status.st_size) <= Notice::kMostBytes;
    if (!own || !take_lock(file.get()) || !write_again(file.get(), notice)) return false;
    ret_file = std::move(file);
    return true;
}

}  // namespace

std::string Announcement::place_in(const std::string& directory, const Notice& notice) {
    Placed placed;
    placed.directory = Descriptor(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat status {};
    if (!placed.directory || ::fstat(placed.directory.get(), &status) != 0) return error_text(errno);
    const bool own = status.st_uid == ::geteuid();
    const bool roots = notice.all_users && status.st_uid == 0;
    if (!own && !roots) return "it belongs to user " + std::to_string(status.st_uid);
    if ((status.st_mode & 022) != 0) return "others may write there";
    for (const Placed& before : placed_) {
        if (is_same_file(before.directory.get(), status)) return {};
    }
    if (is_announced(placed.directory.get())) return "another agent's notice is there";
    placed.mode = roots ? 0644 : 0600;
    std::string problem = write_locked(placed.directory.get(), notice, placed.mode, placed.file);
    if (!problem.empty() && take_over(placed.directory.get(), notice, placed.file)) problem.clear();
    if (problem.empty()) placed_.push_back(std::move(placed));
    return problem;
}

// The new file has its lock before it has the name: at no moment is there a notice that looks like a dead agent's.
void Announcement::change(const Notice& notice) {
    for (Placed& placed : placed_)
        if (!write_locked(placed.directory.get(), notice, placed.mode, placed.file).empty())
            write_again(placed.file.get(), notice);
}

Announcement::~Announcement() {
    for (const Placed& placed : placed_) {
        struct stat there {};
        const int directory = placed.directory.get();
        if (::fstatat(directory, Notice::kName, &there, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (is_same_file(placed.file.get(), there)) ::unlinkat(directory, Notice::kName, 0);
    }
}

void announce(const Notice& notice, const std::vector<std::string>& directories, Announcement& announcement) {
    for (const std::string& directory : directories) {
        const std::string problem = announcement.place_in(directory, notice);
        if (!problem.empty()) spdlog::debug("{}: the command will not find this agent there: {}", directory, problem);
    }
}

}  // namespace spanring::agent
