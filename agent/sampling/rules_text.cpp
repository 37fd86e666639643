// SPDX-License-Identifier: Apache-2.0
#include "sampling/rules_text.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "base/descriptor.hpp"
#include "base/error_text.hpp"

namespace spanring::agent {

namespace {

constexpr off_t kMostBytes = 1 << 20;

}  // namespace

std::string rules_text(const std::string& file) {
    const Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!opened) {
        if (errno == ENOENT) return {};
        throw std::runtime_error(file + ": cannot open: " + error_text(errno));
    }
    struct stat status {};
    std::string text;
    int error = ::fstat(opened.get(), &status) != 0 ? errno : 0;
    const bool sound = error == 0 && S_ISREG(status.st_mode) && status.st_size <= kMostBytes;
    if (sound) {
        text.resize(static_cast<size_t>(status.st_size));
        const ssize_t size = ::pread(opened.get(), text.data(), text.size(), 0);
        error = size < 0 ? errno : 0;
        text.resize(size < 0 ? 0 : static_cast<size_t>(size));
    }
    if (error != 0) throw std::runtime_error(file + ": cannot read: " + error_text(error));
    if (!sound) throw std::runtime_error(file + ": is not a regular file of at most 1 MiB");
    return text;
}

}  // namespace spanring::agent
