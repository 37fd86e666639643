// SPDX-License-Identifier: Apache-2.0
#include "presence/supervised_wait.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>

#include "base/named_thread.hpp"
#include "base/signals.hpp"

namespace spanring::agent {
namespace {

constexpr std::chrono::seconds kBetweenLooks{1};
constexpr char kFood[] = "WATCHDOG=1";
constexpr int kLooksAtStuck = 8;  // in the period that a supervisor's patience has left then

}  // namespace

int wait_for_end(const sigset_t& signals, Supervisor& supervisor, const MainThreadWork& work) {
    auto pause = supervisor.period();
    siginfo_t info{};
    for (auto fed = std::chrono::steady_clock::now();;) {
        const auto most = std::min<std::chrono::nanoseconds>(pause.value_or(kBetweenLooks), kBetweenLooks);
        const int signal = wait_for(signals, most, info);
        work.look();
        const auto now = std::chrono::steady_clock::now();
        if (pause && now - fed >= *pause) {
            // A period later would be too late to say that what was stuck is not any more.
            pause = supervisor.feed() ? *supervisor.period() : *supervisor.period() / kLooksAtStuck;
            fed = now;
        }
        if (signal == SIGTERM || signal == SIGINT) return signal;
        if (signal == SIGUSR1) work.tell(info.si_code == SI_QUEUE);
        if (signal == SIGHUP && work.reload()) return signal;
        if (work.replaced()) return SIGIO;
    }
}

Feeding::Feeding(Supervisor& supervisor, Clock::time_point until) : supervisor_(supervisor), until_(until) {
    if (!supervisor.period()) return;
    try {
        thread_ = named_thread("supervisor", [this] { run(); });
    } catch (const std::system_error&) {  // no thread more: its whole patience has to do
        supervisor_.notify(kFood);
    }
}

Feeding::~Feeding() {
    if (!thread_.joinable()) return;
    {
        const MutexLock lock(mutex_);
        ends_ = true;
    }
    changed_.notify_one();
    thread_.join();
    supervisor_.notify(kFood);
}

void Feeding::run() {
    while (Clock::now() < until_) {
        supervisor_.notify(kFood);
        MutexLock lock(mutex_);
        if (changed_.wait_for(lock.native(), *supervisor_.period(), [this]() SPR_REQUIRES(mutex_) { return ends_; }))
            return;
    }
}

}  // namespace spanring::agent
