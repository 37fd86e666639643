// SPDX-License-Identifier: Apache-2.0
//
// Policies of policies: `and`, `not`, `drop`, `composite`. Their parts see spans as others do, and have marks of their
// own; a trace is asked of them in their order, and no further than it takes, so that a part with a budget spends it
// only on what the parts before it want.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "decide/policy.hpp"

namespace spanring::agent {

// A policy and its bit among the marks of traces; 0: its parts have theirs.
struct MarkedPolicy {
    std::unique_ptr<Policy> policy;
    PolicyMarks bit = 0;

    PolicyAnswer answer(const TraceFacts& trace) const {
        return policy->answer({trace.key, trace.state, (trace.state.marks & bit) != 0, trace.now});
    }
};

class JoinedPolicy : public Policy {
public:
    explicit JoinedPolicy(std::vector<MarkedPolicy> parts) : parts_(std::move(parts)) {}

    void learn(const TraceFacts& trace) override {
        for (const MarkedPolicy& part : parts_)
            if (part.policy->learns()) part.policy->learn(trace);
    }
    bool learns() const override { return any(&Policy::learns); }
    bool has_budget() const override { return any(&Policy::has_budget); }
    bool wants_operation() const override { return any(&Policy::wants_operation); }

protected:
    const std::vector<MarkedPolicy>& parts() const { return parts_; }

    // kKeep: all of them keep it. Else kDeclined where a budget or chance says no, and kNone.
    PolicyAnswer all(const TraceFacts& trace) const {
        for (const MarkedPolicy& part : parts_) {
            const PolicyAnswer answer = part.answer(trace);
            if (answer == PolicyAnswer::kKeep) continue;
            return answer == PolicyAnswer::kDeclined ? answer : PolicyAnswer::kNone;
        }
        return PolicyAnswer::kKeep;
    }

private:
    bool any(bool (Policy::*has)() const) const {
        return std::any_of(parts_.begin(), parts_.end(),
                           [&](const MarkedPolicy& part) { return (part.policy.get()->*has)(); });
    }

    std::vector<MarkedPolicy> parts_;
};

class AndPolicy : public JoinedPolicy {
public:
    using JoinedPolicy::JoinedPolicy;

    // Where parts keep by chance: the one that keeps least.
    std::optional<uint64_t> threshold() const override {
        std::optional<uint64_t> highest;
        for (const MarkedPolicy& part : parts())
            if (const auto one = part.policy->threshold()) highest = std::max(*one, highest.value_or(0));
        return highest;
    }
    bool begins_state() const override {
        return std::any_of(parts().begin(), parts().end(),
                           [](const MarkedPolicy& part) { return part.policy->begins_state(); });
    }
    PolicyAnswer answer(const TraceFacts& trace) override { return all(trace); }
};

class NotPolicy : public JoinedPolicy {
public:
    using JoinedPolicy::JoinedPolicy;

    PolicyAnswer answer(const TraceFacts& trace) override {
        return all(trace) == PolicyAnswer::kKeep ? PolicyAnswer::kNone : PolicyAnswer::kKeep;
    }
};

class DropPolicy : public JoinedPolicy {
public:
    using JoinedPolicy::JoinedPolicy;

    PolicyAnswer answer(const TraceFacts& trace) override {
        return all(trace) == PolicyAnswer::kKeep ? PolicyAnswer::kDrop : PolicyAnswer::kNone;
    }
};

// The first part that keeps a trace has the say, as long as the spans of a second are no more than its rate.
class CompositePolicy : public JoinedPolicy {
public:
    // `rates`: of the parts, spans a second. `most`: likewise, of each.
    CompositePolicy(std::vector<MarkedPolicy> parts, std::vector<uint64_t> rates, uint64_t most)
        : JoinedPolicy(std::move(parts)), rates_(std::move(rates)), most_(most), spent_(rates_.size()) {}

    bool has_budget() const override { return true; }
    PolicyAnswer answer(const TraceFacts& trace) override {
        const auto second = std::chrono::duration_cast<std::chrono::seconds>(trace.now.time_since_epoch());
        if (second != second_) std::fill(spent_.begin(), spent_.end(), 0);
        second_ = second;
        bool declined = false;
        for (size_t i = 0; i < parts().size(); ++i) {
            const PolicyAnswer answer = parts()[i].answer(trace);
            declined = declined || answer == PolicyAnswer::kDeclined;
            if (answer != PolicyAnswer::kKeep) continue;
            const uint64_t spent = spent_[i] + trace.state.spans;
            if (spent > rates_[i] || spent > most_) return PolicyAnswer::kDeclined;
            spent_[i] = spent;
            return PolicyAnswer::kKeep;
        }
        return declined ? PolicyAnswer::kDeclined : PolicyAnswer::kNone;
    }

private:
    const std::vector<uint64_t> rates_;
    const uint64_t most_;
    std::vector<uint64_t> spent_;  // in this second
    std::chrono::seconds second_{};
};

}  // namespace spanring::agent
