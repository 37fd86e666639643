// SPDX-License-Identifier: Apache-2.0
#include "handover/background.hpp"

#include <cerrno>
#include <stdexcept>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error_text.hpp"

namespace spanring::agent {
namespace {

[[noreturn]] void wait_and_exit(int ready, pid_t between) {
    ::waitpid(between, nullptr, 0);
    char word = 0;
    ssize_t size = 0;
    do size = ::read(ready, &word, sizeof word);
    while (size < 0 && errno == EINTR);
    ::_exit(size == 1 ? 0 : 1);
}

}  // namespace

Background Background::enter() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe: " + error_text(errno));
    Descriptor waits(ends[0]), tells(ends[1]);
    const pid_t between = ::fork();
    if (between < 0) throw std::runtime_error("fork: " + error_text(errno));
    if (between > 0) {
        tells.reset();
        wait_and_exit(waits.get(), between);
    }
    ::setsid();
    const pid_t process = ::fork();
    if (process != 0) ::_exit(process < 0 ? 1 : 0);
    if (const Descriptor nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC)); nothing)
        ::dup2(nothing.get(), STDIN_FILENO);
    return Background(std::move(tells));
}

void Background::ready() {
    if (waits_ && ::write(waits_.get(), "", 1) < 0) return waits_.reset();  // nobody waits any more
    waits_.reset();
}

}  // namespace spanring::agent
