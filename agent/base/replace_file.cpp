// SPDX-License-Identifier: Apache-2.0
#include "base/replace_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "base/error_text.hpp"

namespace spanring::agent {

namespace {

// 0, or errno.
int write_all(int fd, std::string_view content, const std::string& directory) {
    const ssize_t size = ::write(fd, content.data(), content.size());
    if (size < 0) return errno;
    if (static_cast<size_t>(size) != content.size()) return ENOSPC;
    struct stat owner {};
    if (::geteuid() == 0 && (::stat(directory.c_str(), &owner) != 0 || ::fchown(fd, owner.st_uid, owner.st_gid) != 0)) {
        return errno;
    }
    return ::fsync(fd) == 0 ? 0 : errno;  // or the name could survive the host's crash, and the bytes not
}

}  // namespace

void replace_file(const std::string& file, std::string_view content) {
    const std::string parent = std::filesystem::path(file).parent_path().string();
    std::string made = file + ".XXXXXX";
    const Descriptor opened(::mkostemp(made.data(), O_CLOEXEC));  // 0600
    int error = opened ? write_all(opened.get(), content, parent.empty() ? "." : parent) : errno;
    if (error == 0 && ::rename(made.c_str(), file.c_str()) != 0) error = errno;
    if (error == 0) return;
    if (opened) ::unlink(made.c_str());
    throw std::runtime_error(file + ": cannot be written: " + error_text(error));
}

}  // namespace spanring::agent
