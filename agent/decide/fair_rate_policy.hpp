// SPDX-License-Identifier: Apache-2.0
//
// `fair_rate`: so many traces a second, shared fairly among services or operations: who has less than an equal share
// gets all it has, and what that leaves is shared among the others. The shares of a second are made by what came in the
// one before.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <unordered_map>
#include <vector>

#include "decide/policy.hpp"

namespace spanring::agent {

class FairRatePolicy : public Policy {
public:
    static constexpr size_t kMostSharers = 1000;  // those that come later share as one

    // Throws std::invalid_argument.
    FairRatePolicy(uint32_t traces_per_second, bool by_operation)
        : budget_(traces_per_second), by_operation_(by_operation), share_(traces_per_second) {
        if (traces_per_second == 0) throw std::invalid_argument("fair_rate: must say traces_per_second");
    }

    bool wants_operation() const override { return true; }
    bool has_budget() const override { return true; }
    PolicyAnswer answer(const TraceFacts& trace) override {
        if (trace.now - began_ >= std::chrono::seconds(1)) begin_second(trace.now);
        Sharer& sharer = of(by_operation_ ? trace.state.operation : trace.state.service);
        ++sharer.came;
        // Who was not there before finds no more than is left.
        if (sharer.kept >= share_ || kept_ >= budget_) return PolicyAnswer::kDeclined;
        ++sharer.kept;
        ++kept_;
        return PolicyAnswer::kKeep;
    }

private:
    struct Sharer {
        uint64_t came = 0;
        uint64_t kept = 0;
    };

    Sharer& of(uint64_t key) {
        const auto known = sharers_.find(key);
        if (known != sharers_.end()) return known->second;
        return sharers_.size() < kMostSharers ? sharers_[key] : others_;
    }

    // From the smallest on each takes what it needs of an equal share of what is left. Beside them there is room for
    // one that is new.
    void begin_second(std::chrono::steady_clock::time_point now) {
        std::vector<uint64_t> wanted;
        for (const auto& [key, sharer] : sharers_) wanted.push_back(sharer.came);
        if (others_.came != 0) wanted.push_back(others_.came);
        std::sort(wanted.begin(), wanted.end());
        uint64_t left = budget_, sharers = wanted.size();
        share_ = budget_;
        for (const uint64_t one : wanted) {
            share_ = std::max<uint64_t>(left / sharers, 1);
            if (one > share_ || left < sharers) break;  // less than one for each: who comes first
            left -= one;
            share_ = std::max(left, share_);  // where all have enough: what is left
            --sharers;
        }
        sharers_.clear();
        others_ = {};
        kept_ = 0;
        began_ = now;
    }

    const uint64_t budget_;
    const bool by_operation_;
    uint64_t share_;
    uint64_t kept_ = 0;
    std::chrono::steady_clock::time_point began_{};
    std::unordered_map<uint64_t, Sharer> sharers_;
    Sharer others_;
};

}  // namespace spanring::agent
