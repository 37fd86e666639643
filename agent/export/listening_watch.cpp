// SPDX-License-Identifier: Apache-2.0
#include "export/listening_watch.hpp"

#include <pthread.h>

#include <utility>

#include "base/named_thread.hpp"

namespace spanring::agent {

namespace {

ListeningCost::Cpu read_clock(clockid_t clock) {
    timespec used{};
    ::clock_gettime(clock, &used);
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

}  // namespace

ListeningWatch::ListeningWatch(const std::string& exporter, std::function<ListeningCost::Cpu()> others,
                               std::function<bool()> is_to_blame, std::function<void()> cut)
    : others_(std::move(others)), is_to_blame_(std::move(is_to_blame)), cut_(std::move(cut)) {
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

bool ListeningWatch::take_cut() {
    const MutexLock lock(mutex_);
    return std::exchange(was_cut_, false);
}

void ListeningWatch::run() {
    MutexLock lock(mutex_);
    while (!changed_.wait_for(lock.native(), kPeriod, [this]() SPR_REQUIRES(mutex_) { return stop_; })) {
        if (listening_) {
            const ListeningCost::Cpu now = read_clock(clock_);
            cost_.spend(now - std::exchange(since_, now));
        }
        const ListeningCost::Cpu others = others_();
        if (!std::exchange(attempted_, false)) cost_.spend(others);
        if (!cost_.end_period()) continue;
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

}  // namespace spanring::agent
