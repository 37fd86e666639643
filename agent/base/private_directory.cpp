// SPDX-License-Identifier: Apache-2.0
#include "base/private_directory.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace spanring::agent {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const char* what) {
    throw std::system_error(errno, std::generic_category(), path.string() + ": " + what);
}

}  // namespace

void make_private_directories(const std::string& directory) {
    fs::path path;
    for (const fs::path& part : fs::path(directory)) {
        path /= part;
        if (part.empty() || path == path.root_path()) continue;
        if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) continue;
        const int error = errno;  // a file system that is mounted read-only says so of what is there, too
        if (::access(path.c_str(), F_OK) == 0) continue;
        errno = error;
        fail(path, "cannot make directory");
    }
}

void prepare_private_directory(const std::string& directory) {
    make_private_directories(directory);
    struct stat status {};
    if (::stat(directory.c_str(), &status) != 0) fail(directory, "cannot be examined");
    if (!S_ISDIR(status.st_mode)) throw std::runtime_error(directory + ": is not a directory");
    if (status.st_uid != ::geteuid() && status.st_uid != 0) {
        throw std::runtime_error(directory + ": belongs to user " + std::to_string(status.st_uid) +
                                 ", not to this one");
    }
    if ((status.st_mode & 022) != 0) throw std::runtime_error(directory + ": others can write to it; make it 0700");
}

}  // namespace spanring::agent
