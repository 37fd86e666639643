// SPDX-License-Identifier: Apache-2.0
#include "presence/report_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/descriptor.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kMostBytes = 1 << 20;

}  // namespace

std::optional<std::string> read_report_file(const std::string& path, uid_t user) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != user)
        return std::nullopt;
    // The agent looks at one each second: no more memory than there is to read.
    std::string text(std::min(static_cast<size_t>(status.st_size), kMostBytes), '\0');
    const ssize_t size = ::pread(file.get(), text.data(), text.size(), 0);
    if (size < 0) return std::nullopt;
    text.resize(static_cast<size_t>(size));
    return text;
}

}  // namespace spanring::agent
