// SPDX-License-Identifier: Apache-2.0
#include "config/input_file.hpp"

#include <array>
#include <cerrno>
#include <chrono>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.hpp"
#include "base/error_text.hpp"
#include "base/quantity.hpp"

namespace spanring::agent {
namespace {

constexpr std::chrono::milliseconds kPatience{10'000};

// False: nobody writes.
bool wait_for_input(int fd, std::chrono::steady_clock::time_point deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd input{fd, POLLIN, 0};
    return left > 0 && ::poll(&input, 1, static_cast<int>(left)) != 0;
}

}  // namespace

std::string read_input(const std::string& path, Readable readable, size_t most, std::string& ret_text) {
    // Without waiting for a pipe's writer.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0) return error_text(errno);
    if (S_ISDIR(status.st_mode)) return "is a directory";
    const bool regular = S_ISREG(status.st_mode);
    if (!regular && readable == Readable::kRegular) return "is not a regular file";
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    ret_text.clear();
    for (std::array<char, 16384> some;;) {
        // An open pipe without a writer looks as if it had ended.
        if (!regular && !wait_for_input(file.get(), deadline)) return "nobody writes into it";
        const ssize_t got = ::read(file.get(), some.data(), some.size());
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0) return error_text(errno);
        if (got == 0) return {};
        if (ret_text.size() + static_cast<size_t>(got) > most) return "is larger than " + format_size(most);
        ret_text.append(some.data(), static_cast<size_t>(got));
    }
}

}  // namespace spanring::agent
