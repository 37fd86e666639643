// SPDX-License-Identifier: Apache-2.0
#include "export/listening_watch.hpp"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "base/named_thread.hpp"

namespace spanring::agent {

namespace {

constexpr std::chrono::milliseconds kFirstPause{1};  // that a connection on this host takes

ListeningCost::Cpu read_clock(clockid_t clock) {
    timespec used{};
    ::clock_gettime(clock, &used);
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

}  // namespace

ListeningWatch::ListeningWatch(const std::string& exporter, std::function<bool()> settle,
                               std::function<ListeningCost::Cpu()> others, std::function<bool()> is_to_blame,
                               std::function<void()> cut)
    : settle_(std::move(settle)),
      others_(std::move(others)),
      is_to_blame_(std::move(is_to_blame)),
      cut_(std::move(cut)),
      progress_("watch/" + exporter) {
    ::pthread_getcpuclockid(::pthread_self(), &clock_);
    thread_ = named_thread("watch/" + exporter, [this] { run(); });
}

ListeningWatch::~ListeningWatch() {
    {
        const MutexLock lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void ListeningWatch::begin() {
    const MutexLock lock(mutex_);
    since_ = read_clock(clock_);
    listening_ = true;
}

void ListeningWatch::end() {
    const MutexLock lock(mutex_);
    listening_ = false;
    cost_.spend(read_clock(clock_) - since_);
}

void ListeningWatch::attempt_started(size_t bytes) {
    const MutexLock lock(mutex_);
    cost_.attempt_started(bytes);
    attempted_ = true;
}

void ListeningWatch::settle_soon() {
    const MutexLock lock(mutex_);
    settle_pause_ = kFirstPause;
    settle_at_ = Clock::now() + settle_pause_;
    changed_.notify_all();
}

bool ListeningWatch::take_cut() {
    const MutexLock lock(mutex_);
    return std::exchange(was_cut_, false);
}

void ListeningWatch::run() {
    MutexLock lock(mutex_);
    Clock::time_point next_look = Clock::now() + kPeriod;
    while (!stop_) {
        progress_.waiting();
        changed_.wait_until(lock.native(), std::min(next_look, settle_at_));
        progress_.working();
        const Clock::time_point now = Clock::now();
        if (!stop_ && now >= settle_at_) {
            settle_at_ = Clock::time_point::max();
            lock.unlock();
            const bool settled = settle_();
            lock.lock();
            if (!settled) settle_later();
        }
        if (stop_ || now < next_look) continue;
        next_look = now + kPeriod;
        if (!costs_too_much()) continue;
        lock.unlock();
        const bool is_to_blame = is_to_blame_();
        lock.lock();
        if (!is_to_blame) continue;
        was_cut_ = true;
        lock.unlock();
        cut_();
        lock.lock();
    }
}

void ListeningWatch::settle_later() {
    if (settle_at_ != Clock::time_point::max()) return;  // asked for once more meanwhile
    settle_pause_ = std::min<Clock::duration>(2 * settle_pause_, kPeriod);
    settle_at_ = Clock::now() + settle_pause_;
}

bool ListeningWatch::costs_too_much() {
    if (listening_) {
        const ListeningCost::Cpu now = read_clock(clock_);
        cost_.spend(now - std::exchange(since_, now));
    }
    const ListeningCost::Cpu others = others_();
    if (!std::exchange(attempted_, false)) cost_.spend(others);
    return cost_.end_period();
}

}  // namespace spanring::agent
