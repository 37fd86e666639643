// SPDX-License-Identifier: Apache-2.0
#include "presence/supervisor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>
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

constexpr std::chrono::milliseconds kBarrier{5000};

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

Supervision Supervision::of_environment() {
    Supervision supervision;
    supervision.socket = variable("NOTIFY_SOCKET");
    const std::string pid = variable("WATCHDOG_PID");
    if (pid.empty() || pid == std::to_string(::getpid()))
        supervision.patience_usec = parse_unsigned(variable("WATCHDOG_USEC")).value_or(0);
    return supervision;
}

Supervisor::Supervisor(Supervision supervision) : supervision_(std::move(supervision)), socket_(supervision_.socket) {
    if (!socket_.starts_with('/') && !socket_.starts_with('@')) socket_.clear();
    if (socket_.size() > kLongestUnixPath) socket_.clear();
    if (socket_.empty()) supervision_ = {};
    if (socket_.starts_with('@')) socket_[0] = '\0';  // abstract
    if (supervision_.patience_usec > kForEver) supervision_.patience_usec = 0;
    if (supervision_.patience_usec != 0) period_ = std::chrono::microseconds(supervision_.patience_usec) / 2;
}

void Supervisor::notify(const char* state) { send(state, -1); }

bool Supervisor::send(const char* state, int file) {
    if (socket_.empty()) return false;
    const UnixAddress address(socket_);
    const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return false;
    iovec part{const_cast<char*>(state), std::strlen(state)};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof file)] = {};
    msghdr message{};
    message.msg_name = const_cast<sockaddr*>(address.get());
    message.msg_namelen = address.size();
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (file >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* const files = CMSG_FIRSTHDR(&message);
        files->cmsg_level = SOL_SOCKET;
        files->cmsg_type = SCM_RIGHTS;
        files->cmsg_len = CMSG_LEN(sizeof file);
        std::memcpy(CMSG_DATA(files), &file, sizeof file);
    }
    if (::sendmsg(socket.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return true;
    const int error = errno;
    if (const auto more = log_.due())
        spdlog::warn("cannot notify the supervisor ({}): {}{}", state, error_text(error), *more);
    return false;
}

// A barrier, as sd_notify_barrier(3) has it: the supervisor closes the pipe once it has done what was said before.
void Supervisor::hand_over_to(pid_t process) {
    notify(("MAINPID=" + std::to_string(process)).c_str());
    int ends[2];
    if (socket_.empty() || ::pipe2(ends, O_CLOEXEC) != 0) return;
    const Descriptor mine(ends[0]);
    Descriptor its(ends[1]);
    if (!send("BARRIER=1", its.get())) return;
    its.reset();
    pollfd done{mine.get(), POLLHUP, 0};
    ::poll(&done, 1, static_cast<int>(kBarrier.count()));
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
