// SPDX-License-Identifier: Apache-2.0
#include "base/state_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/set_aside.hpp"

namespace spanring::agent {
namespace {

[[noreturn]] void fail(const std::string& path, const char* what) {
    throw std::system_error(errno, std::generic_category(), path + ": cannot " + what);
}

const char* kind_of(mode_t mode) {
    if (S_ISREG(mode)) return "a file";
    if (S_ISDIR(mode)) return "a directory";
    if (S_ISLNK(mode)) return "a symbolic link";
    if (S_ISFIFO(mode)) return "a FIFO";
    if (S_ISSOCK(mode)) return "a socket";
    return "a device";
}

// Root may own a directory whose files are a user's, and the other way round.
std::string fault_of(const struct stat& status, mode_t wanted) {
    if ((status.st_mode & S_IFMT) != wanted) return std::string("is ") + kind_of(status.st_mode);
    if (status.st_uid == ::geteuid() || ::geteuid() == 0) return {};
    return "belongs to user " + std::to_string(status.st_uid);
}

// Sets aside what is something else, and corrects the mode of the rest: there may be a mode that lets nobody in.
void prepare(const std::string& path, mode_t kind, mode_t mode) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) {
        if (errno == ENOENT) return;
        fail(path, "be examined");
    }
    const std::string fault = fault_of(status, kind);
    if (!fault.empty())
        set_aside(path, fault);
    else if ((status.st_mode & 07777) != mode && ::chmod(path.c_str(), mode) != 0)
        fail(path, "get its mode");
}

}  // namespace

std::string fault_of_state_file(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 ? fault_of(status, S_IFREG) : std::string();
}

void prepare_state_file(const std::string& path) { prepare(path, S_IFREG, 0600); }

Descriptor open_state_file(const std::string& path) {
    prepare_state_file(path);
    Descriptor file(
        ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, S_IRUSR | S_IWUSR));
    if (!file) fail(path, "be opened");
    return file;
}

void make_state_directory(const std::string& path) {
    prepare(path, S_IFDIR, 0700);
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) fail(path, "be made");
}

}  // namespace spanring::agent
