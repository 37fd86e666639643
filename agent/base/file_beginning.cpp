// SPDX-License-Identifier: Apache-2.0
#include "base/file_beginning.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/descriptor.hpp"
#include "base/error_text.hpp"

namespace spanring::agent {

std::string read_beginning(const std::string& path, size_t most, std::string& ret_fault) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat found {};
    if (!file || ::fstat(file.get(), &found) != 0) {
        ret_fault = "cannot read " + path + ": " + error_text(errno);
        return {};
    }
    if (!S_ISREG(found.st_mode)) {
        ret_fault = "cannot read " + path + ": is not a regular file";
        return {};
    }
    std::string bytes;
    for (std::array<char, 4096> some; bytes.size() < most;) {
        const ssize_t got = ::read(file.get(), some.data(), std::min(some.size(), most - bytes.size()));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) ret_fault = "cannot read " + path + ": " + error_text(errno);
        if (got < 0) return {};
        if (got == 0) break;
        bytes.append(some.data(), static_cast<size_t>(got));
    }
    if (bytes.empty()) ret_fault = "cannot read " + path + ", it is empty";
    return bytes;
}

}  // namespace spanring::agent
