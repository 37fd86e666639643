// SPDX-License-Identifier: Apache-2.0
//
// What was decided, for spans that come later: for a while, and of so many traces at most, kept and dropped ones each
// by themselves, so that a flood of the one kind does not make the agent forget the other. Where there are too many,
// what an agent before decided goes first, and then the oldest of the owner who has most: whose flood it is forgets its
// own. One thread.
//
// Header bill: policies.hpp; decision_log.hpp and decision_rounds.hpp alone include it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "decide/policies.hpp"
#include "decide/trace_key.hpp"
#include "decide/trace_table.hpp"

namespace spanring::agent {

class DecisionMemory {
public:
    using Time = std::chrono::steady_clock::time_point;

    DecisionMemory(size_t most_kept, size_t most_dropped, std::chrono::milliseconds kept_for)
        : kept_for_(kept_for), ages_{{most_dropped, 0, {}, {}}, {most_kept, 0, {}, {}}} {}

    // `owner`: TraceOwners', of the trace.
    void add(const TraceKey& key, Decision decision, Time now, uint16_t owner) {
        add_at(owner + size_t{1}, key, decision, now);
    }
    // By an agent before, whoever's trace it was: in their order, before all others.
    void add_of_before(const TraceKey& key, Decision decision, Time then) { add_at(kBefore, key, decision, then); }

    std::optional<Decision> find(const TraceKey& key, Time now) {
        forget_old(now);
        const Decision* const found = decisions_.find(key);
        return found == nullptr ? std::nullopt : std::optional(*found);
    }

    // Soon asked for, or added.
    [[gnu::always_inline]] void expect(const TraceKey& key) const { decisions_.expect(key); }

    size_t size() const { return decisions_.size(); }

private:
    static constexpr size_t kBefore = 0;  // the place of what is of an agent before; after it those of owners

    struct Ages {
        size_t most;
        size_t size = 0;
        std::vector<size_t> sizes;  // by place, as all that follows; beside each other, for who has most is asked often
        // The oldest first. A vector of them would copy all where it grows.
        std::deque<std::deque<std::pair<Time, TraceKey>>> orders;
    };

    void add_at(size_t place, const TraceKey& key, Decision decision, Time now) {
        forget_old(now);
        if (!decisions_.add(key, decision)) return;  // the first one stands
        Ages& ages = ages_[decision.keep];
        if (ages.orders.size() <= place) {
            ages.orders.resize(place + 1);
            ages.sizes.resize(place + 1);
        }
        ages.orders[place].emplace_back(now, key);
        ++ages.sizes[place];
        if (++ages.size > ages.most) forget_first(ages, fullest(ages));
    }
    static size_t fullest(const Ages& ages) {
        if (ages.sizes[kBefore] != 0) return kBefore;
        return static_cast<size_t>(std::max_element(ages.sizes.begin(), ages.sizes.end()) - ages.sizes.begin());
    }
    void forget_first(Ages& ages, size_t place) {
        auto& order = ages.orders[place];
        decisions_.remove(order.front().second);
        order.pop_front();
        if (!order.empty()) decisions_.expect(order.front().second);  // mostly one goes for each that comes
        --ages.sizes[place];
        --ages.size;
    }
    // Once for a time: it is asked for each span.
    void forget_old(Time now) {
        if (now == looked_) return;
        looked_ = now;
        for (Ages& ages : ages_) {
            for (size_t place = 0; place < ages.orders.size(); ++place) {
                const auto& order = ages.orders[place];
                while (!order.empty() && now - order.front().first >= kept_for_) forget_first(ages, place);
            }
        }
    }

    const std::chrono::milliseconds kept_for_;
    TraceTable<Decision> decisions_;
    Ages ages_[2];  // of those to drop, of those to keep
    Time looked_ = Time::min();
};

}  // namespace spanring::agent
