// SPDX-License-Identifier: Apache-2.0
//
// What was decided, for spans that come later: for a while, and of so many traces at most, kept and dropped ones each
// by themselves, so that a flood of the one kind does not make the agent forget the other. One thread.
//
// Header bill: policies.hpp; decision_log.hpp and decision_rounds.hpp alone include it.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "decide/policies.hpp"
#include "decide/trace_key.hpp"
#include "decide/trace_table.hpp"

namespace spanring::agent {

class DecisionMemory {
public:
    using Time = std::chrono::steady_clock::time_point;

    DecisionMemory(size_t most_kept, size_t most_dropped, std::chrono::milliseconds kept_for)
        : kept_for_(kept_for), ages_{{most_dropped, {}}, {most_kept, {}}} {}

    void add(const TraceKey& key, Decision decision, Time now) {
        forget_old(now);
        if (!decisions_.add(key, decision)) return;  // the first one stands
        Ages& ages = ages_[decision.keep];
        ages.order.emplace_back(now, key);
        if (ages.order.size() > ages.most) forget_first(ages);
    }

    std::optional<Decision> find(const TraceKey& key, Time now) {
        forget_old(now);
        const Decision* const found = decisions_.find(key);
        return found == nullptr ? std::nullopt : std::optional(*found);
    }

    // Soon asked for, or added.
    [[gnu::always_inline]] void expect(const TraceKey& key) const { decisions_.expect(key); }

    size_t size() const { return decisions_.size(); }

private:
    struct Ages {
        size_t most;
        std::deque<std::pair<Time, TraceKey>> order;  // the oldest first
    };

    void forget_first(Ages& ages) {
        decisions_.remove(ages.order.front().second);
        ages.order.pop_front();
    }
    void forget_old(Time now) {
        for (Ages& ages : ages_) {
            while (!ages.order.empty() && now - ages.order.front().first >= kept_for_) forget_first(ages);
        }
    }

    const std::chrono::milliseconds kept_for_;
    TraceTable<Decision> decisions_;
    Ages ages_[2];  // of those to drop, of those to keep
};

}  // namespace spanring::agent
