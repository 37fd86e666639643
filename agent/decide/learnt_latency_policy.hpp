// SPDX-License-Identifier: Apache-2.0
//
// `latency` with a quantile: traces that took longer than most of their operation do. An operation is the service and
// the name of the span that started first, of one user: what others say is usual changes nothing of it. It learns from
// every trace, whichever policy keeps that; a new agent learns anew.
//
// Header bill: policy.hpp, and what it learnt of each operation; policies.cpp alone includes it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <unordered_map>

#include "decide/duration_quantile.hpp"
#include "decide/places_by_owner.hpp"
#include "decide/policy.hpp"

namespace spanring::agent {

class LearntLatencyPolicy : public Policy {
public:
    // Of one user alone; those that come later are one together, of each user. Several leave places to each other.
    static constexpr size_t kMostOperations = PlacesByOwner::kOfOneAlone;

    // Throws std::invalid_argument. `threshold_ms`: and took at least so long.
    LearntLatencyPolicy(double quantile, uint64_t threshold_ms) : quantile_(quantile), threshold_(threshold_ms) {
        if (!(quantile > 0 && quantile < 1))
            throw std::invalid_argument("latency: above_quantile is not between 0 and 1");
    }

    bool learns() const override { return true; }
    bool wants_operation() const override { return true; }
    void learn(const TraceFacts& trace) override {
        DurationQuantile& usual = of(trace.state.owner, trace.state.operation);
        // Before it changes what is usual.
        agrees_ = trace.state.nanoseconds() > usual.bound() && trace.state.nanoseconds() / 1'000'000 >= threshold_;
        usual.add(trace.state.nanoseconds(), quantile_);
    }
    PolicyAnswer answer(const TraceFacts&) override { return agrees_ ? PolicyAnswer::kKeep : PolicyAnswer::kNone; }

private:
    using Usual = std::unordered_map<uint64_t, std::unique_ptr<DurationQuantile>>;

    DurationQuantile& of(uint16_t owner, uint64_t operation) {
        Usual& usual = usual_[owner];
        const auto known = usual.find(operation);
        if (known != usual.end()) return *known->second;
        if (places_.take(owner)) return *usual.emplace(operation, std::make_unique<DurationQuantile>()).first->second;
        std::unique_ptr<DurationQuantile>& others = others_[owner];
        if (others == nullptr) others = std::make_unique<DurationQuantile>();
        return *others;
    }

    const double quantile_;
    const uint64_t threshold_;
    bool agrees_ = false;  // of the trace that was learnt last
    PlacesByOwner places_;
    std::map<uint16_t, Usual> usual_;
    std::map<uint16_t, std::unique_ptr<DurationQuantile>> others_;
};

}  // namespace spanring::agent
