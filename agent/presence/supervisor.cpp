// SPDX-License-Identifier: Apache-2.0
#include "presence/supervisor.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include <spdlog/spdlog.h>

#include "base/descriptor.hpp"
#include "base/error_text.hpp"
#include "base/quantity.hpp"
#include "base/stuck_threads.hpp"
#include "base/unix_address.hpp"

namespace spanring::agent {
namespace {

constexpr uint64_t kForEver = uint64_t{365} * 24 * 3600 * 1'000'000;  // microseconds

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

}  // namespace

std::string reloading_now() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const auto microseconds = static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
    return "RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds);
}

Supervisor::Supervisor() : socket_(variable("NOTIFY_SOCKET")) {
    if (!socket_.starts_with('/') && !socket_.starts_with('@')) socket_.clear();
    if (socket_.size() > kLongestUnixPath) socket_.clear();
    if (socket_.starts_with('@')) socket_[0] = '\0';  // abstract
    const std::string pid = variable("WATCHDOG_PID");
    const auto patience = parse_unsigned(variable("WATCHDOG_USEC"));
    if (socket_.empty() || !patience || *patience == 0 || *patience > kForEver ||
        (!pid.empty() && pid != std::to_string(::getpid())))
        return;
    period_ = std::chrono::microseconds(*patience) / 2;
}

void Supervisor::notify(const char* state) {
    if (socket_.empty()) return;
    const UnixAddress address(socket_);
    const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return;
    const ssize_t sent =
        ::sendto(socket.get(), state, std::strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, address.get(), address.size());
    if (sent >= 0) return;
    const int error = errno;
    if (const auto more = log_.due()) {
        spdlog::warn("cannot notify the supervisor ({}): {}{}", state, error_text(error), *more);
    }
}

bool Supervisor::feed() {
    if (!period_) return true;
    const std::vector<StuckThread> stuck = stuck_threads(*period_);
    if (stuck.empty()) notify("WATCHDOG=1");
    for (const StuckThread& thread : stuck) {
        spdlog::error("thread {}; the supervisor is not told that all is well", describe(thread));
    }
    return stuck.empty();
}

}  // namespace spanring::agent
