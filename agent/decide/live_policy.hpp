// SPDX-License-Identifier: Apache-2.0
//
// A rule that is set while the agent runs, as it is asked. What it says of one span and its process is one condition: a
// trace is concerned that has a span which meets all of it. One thread.
//
// Header bill: policies and their options; policies.hpp alone includes it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "decide/policy.hpp"
#include "decide/probabilistic_policy.hpp"
#include "decide/rule_slots.hpp"
#include "sampling/live_rule.hpp"

namespace spanring::agent {

// So much a second, and what was not used for a second at most.
class RuleBudget {
public:
    using Time = std::chrono::steady_clock::time_point;

    explicit RuleBudget(double per_second) : per_second_(per_second), most_(std::max(per_second, 1.0)), left_(most_) {}

    // What is larger than that is taken when nothing else was, and what follows waits for it.
    bool take(double amount, Time now) {
        const double seconds = std::chrono::duration<double>(now - filled_).count();
        left_ = std::min(most_, left_ + std::max(seconds, 0.0) * per_second_);
        filled_ = now;
        if (left_ < std::min(amount, most_)) return false;
        left_ -= amount;
        return true;
    }

private:
    const double per_second_;
    const double most_;
    double left_;
    Time filled_{};
};

class LivePolicy {
public:
    // `first_bit`: of the slots'. `before`: the same rule, whose budget it goes on with; null: there is none.
    LivePolicy(const LiveRuleSet::Standing& standing, size_t first_bit, WantedKeys& keys, const LivePolicy* before);

    // Of a trace: a span of it met all conditions; by what spans say of chance it would be kept.
    PolicyMarks bit() const { return bit_; }
    PolicyMarks chance_bit() const { return bit_ << 1; }
    size_t slot() const { return slot_; }
    // The same one, however long it holds by now. Another rule can have its slot.
    bool is_of(const LiveRuleSet::Standing& other) const {
        return slot_ == other.slot && rule_.meaning() == other.rule.meaning();
    }
    bool is_by_chance() const { return chance_ != nullptr; }

    bool concerns(const ProducerFacts& producer) const;
    bool concerns(const SpanFacts& span) const;
    // By what the span says of chance, where it says anything.
    bool chooses(const SpanFacts& span) const { return chance_ != nullptr && chance_->agrees(span); }

    // kNone: it does not concern such a trace. Else it is kept or dropped.
    PolicyAnswer answer(const TraceKey& key, const TraceState& state, RuleBudget::Time now) const;

private:
    struct Wanted {
        size_t place;
        std::string value;
    };

    LiveRule rule_;
    size_t slot_;
    PolicyMarks bit_;
    std::vector<Wanted> of_span_, of_resource_;
    std::shared_ptr<ProbabilisticPolicy> chance_;
    std::shared_ptr<RuleBudget> budget_;
};

}  // namespace spanring::agent
