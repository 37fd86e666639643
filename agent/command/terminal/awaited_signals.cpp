// SPDX-License-Identifier: Apache-2.0
#include "command/terminal/awaited_signals.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>

#include "base/error_text.hpp"

namespace spanring::agent {
namespace {

sigset_t only(int signal) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    return set;
}

// A blocked signal is kept even where it is ignored, so it must not be waited for.
bool is_ignored(int signal) {
    struct sigaction action {};
    return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

int milliseconds_until(AwaitedSignals::Clock::time_point time) {
    using std::chrono::milliseconds;
    constexpr milliseconds kLongest{3'600'000};  // then it is called again
    const auto left = std::chrono::ceil<milliseconds>(time - AwaitedSignals::Clock::now());
    return static_cast<int>(std::clamp(left, milliseconds{0}, kLongest).count());
}

}  // namespace

AwaitedSignals::AwaitedSignals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH}) {
        if (!is_ignored(signal)) sigaddset(&signals, signal);
    }
    ::sigprocmask(SIG_BLOCK, &signals, &before_);
    file_ = Descriptor(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!file_) {
        const int error = errno;
        ::sigprocmask(SIG_SETMASK, &before_, nullptr);
        throw std::runtime_error("signals cannot be waited for: " + error_text(error));
    }
}

AwaitedSignals::~AwaitedSignals() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

AwaitedSignals::Event AwaitedSignals::event_of(int signal) {
    if (signal == SIGWINCH || signal == SIGCONT) return Event::kRedraw;
    if (signal == SIGTSTP) return Event::kStop;
    ended_by_ = signal;
    return Event::kEnd;
}

AwaitedSignals::Event AwaitedSignals::wait_until(Clock::time_point time, int input) {
    for (;;) {
        std::array<pollfd, 2> files = {{{file_.get(), POLLIN, 0}, {input, POLLIN, 0}}};
        if (::poll(files.data(), files.size(), milliseconds_until(time)) < 0 && errno != EINTR)
            throw std::runtime_error("poll: " + error_text(errno));
        signalfd_siginfo signal{};
        if (::read(file_.get(), &signal, sizeof signal) == sizeof signal)
            return event_of(static_cast<int>(signal.ssi_signo));
        if (files[1].revents != 0) return Event::kInput;
        if (Clock::now() >= time) return Event::kTime;
    }
}

void AwaitedSignals::stop() const {
    const sigset_t set = only(SIGTSTP);
    ::raise(SIGTSTP);
    ::sigprocmask(SIG_UNBLOCK, &set, nullptr);  // here it stops
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
}

int AwaitedSignals::end() const {
    if (ended_by_ == SIGINT) return 0;
    const sigset_t set = only(ended_by_);
    ::raise(ended_by_);
    ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
    return 128 + ended_by_;  // somebody handles it
}

}  // namespace spanring::agent
