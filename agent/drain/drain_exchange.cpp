// SPDX-License-Identifier: Apache-2.0
#include "drain/drain_exchange.hpp"

#include <algorithm>
#include <utility>

#include "drain/attached_segment.hpp"

namespace spanring::agent {

DrainExchange::DrainExchange(size_t threads, std::shared_ptr<const ExportPlan> plan)
    : letters_(threads), plan_(std::move(plan)), counts_(threads) {
    for (size_t i = 0; i < threads; ++i) desks_.push_back(std::make_unique<Desk>());
}

void DrainExchange::wake_all() {
    for (const auto& desk : desks_) desk->wake_up.ring();
}

void DrainExchange::distrust(const InstanceId& instance) {
    {
        const MutexLock lock(mutex_);
        for (DrainLetters& letters : letters_) letters.distrusted.push_back(instance);
    }
    wake_all();
}

void DrainExchange::tell_plan(const std::shared_ptr<const ExportPlan>& plan) {
    {
        const MutexLock lock(mutex_);
        plan_ = plan;
        for (DrainLetters& letters : letters_) letters.plan = plan;
    }
    wake_all();
}

bool DrainExchange::all_follow(uint64_t plan) const {
    // acquire: see follows().
    return std::all_of(desks_.begin(), desks_.end(),
                       [plan](const auto& desk) { return desk->plan.load(std::memory_order_acquire) >= plan; });
}

std::shared_ptr<const ExportPlan> DrainExchange::plan() const {
    const MutexLock lock(mutex_);
    return plan_;
}

void DrainExchange::hold_still(bool still) {
    const MutexLock lock(mutex_);
    still ? ++still_ : --still_;
}

bool DrainExchange::arrived() const {
    const MutexLock lock(mutex_);
    return std::all_of(letters_.begin(), letters_.end(),
                       [](const DrainLetters& letters) { return letters.segments.empty(); });
}

bool DrainExchange::empty() const {
    const MutexLock lock(mutex_);
    return ended_.empty() &&
           std::all_of(letters_.begin(), letters_.end(), [](const DrainLetters& letters) { return letters.empty(); });
}

void DrainExchange::share_out(ServedSegment served, const std::shared_ptr<const ExportPlan>& plan) {
    size_t to = 0;
    {
        const MutexLock lock(mutex_);
        to = static_cast<size_t>(std::min_element(counts_.begin(), counts_.end()) - counts_.begin());
        ++counts_[to];
        places_[served.source] = to;
        // While it was attached the plan has changed, and that thread may have read its letter of that already.
        if (plan_ != plan) served.segment->count_for(plan_->required);
        letters_[to].segments.push_back(std::move(served));
    }
    ring(kFirst, to);
}

void DrainExchange::hint(uint64_t source) {
    size_t to = 0;
    {
        const MutexLock lock(mutex_);
        const auto place = places_.find(source);
        if (place == places_.end()) return;  // it has ended
        to = place->second;
        letters_[to].hints.push_back(source);
    }
    ring(kFirst, to);
}

void DrainExchange::tell_rules(const std::shared_ptr<const SamplingRules>& rules) {
    {
        const MutexLock lock(mutex_);
        for (DrainLetters& letters : letters_) letters.rules = rules;
    }
    for (size_t to = 0; to < threads(); ++to) ring(kFirst, to);
}

std::vector<ServedSegment> DrainExchange::take_ended() {
    const MutexLock lock(mutex_);
    return std::exchange(ended_, {});
}

DrainLetters DrainExchange::take(size_t thread) {
    const MutexLock lock(mutex_);
    return std::exchange(letters_[thread], {});
}

bool DrainExchange::hand_over(size_t from, size_t to, ServedSegment& served) {
    {
        const MutexLock lock(mutex_);
        DrainLetters& unread = letters_[from];
        if (still_ != 0 || unread.concern(served.source)) return false;
        if (std::erase(unread.hints, served.source) != 0) letters_[to].hints.push_back(served.source);
        --counts_[from];
        ++counts_[to];
        places_[served.source] = to;
        letters_[to].segments.push_back(std::move(served));
    }
    ring(from, to);
    return true;
}

void DrainExchange::forward(size_t from, SegmentAnswer answer) {
    size_t to = 0;
    {
        const MutexLock lock(mutex_);
        const auto place = places_.find(answer.source);
        if (place == places_.end()) return;
        to = place->second;
        letters_[to].answers.push_back(std::move(answer));
    }
    ring(from, to);
}

void DrainExchange::end(size_t from, ServedSegment served) {
    {
        const MutexLock lock(mutex_);
        --counts_[from];
        places_.erase(served.source);
        ended_.push_back(std::move(served));
    }
    ring(from, kFirst);
}

std::vector<DrainExchange::Nanoseconds> DrainExchange::work() const {
    std::vector<Nanoseconds> work;
    for (const auto& desk : desks_) work.emplace_back(desk->worked.load(std::memory_order_relaxed));
    return work;
}

// A thread that leaves something for itself reads it before it sleeps.
void DrainExchange::ring(size_t from, size_t to) {
    if (from != to) desks_[to]->wake_up.ring();
}

}  // namespace spanring::agent
