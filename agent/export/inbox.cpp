// SPDX-License-Identifier: Apache-2.0
#include "export/inbox.hpp"

#include <algorithm>
#include <utility>

namespace spanring::agent {

Inbox::Put Inbox::put(std::shared_ptr<Batch>& batch, uint64_t sequence, const std::function<bool()>& admit) {
    std::list<Arrival> arrival(1);  // what may fail comes first: what is admitted is there
    const MutexLock lock(mutex_);
    if (closed_) return Put::kClosed;
    if (!admit()) return Put::kRefused;
    arrival.front() = {std::move(batch), sequence};
    arrivals_.splice(arrivals_.end(), arrival);
    return Put::kTaken;
}

void Inbox::stop(Time deadline) {
    const MutexLock lock(mutex_);
    stop_at_ = std::min(deadline, stop_at_.value_or(deadline));
}

void Inbox::wake() {
    const MutexLock lock(mutex_);
    if (!closed_) wake_();
}

std::list<Inbox::Arrival> Inbox::take() {
    const MutexLock lock(mutex_);
    return std::exchange(arrivals_, {});
}

void Inbox::undisturbed(const std::function<void()>& work) {
    const MutexLock lock(mutex_);
    work();
}

std::optional<Inbox::Time> Inbox::stop_at() const {
    const MutexLock lock(mutex_);
    return stop_at_;
}

bool Inbox::close(bool idle, Time now) {
    const MutexLock lock(mutex_);
    if (!stop_at_) return false;
    if (!(idle && arrivals_.empty()) && now < *stop_at_) return false;
    closed_ = true;
    return true;
}

}  // namespace spanring::agent
