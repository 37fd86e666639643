// SPDX-License-Identifier: Apache-2.0
//
// `latency` with a quantile: traces that took longer than most of their operation do. An operation is the service and
// the name of the span that started first. It learns from every trace, whichever policy keeps that; a new agent learns
// anew.
//
// Header bill: policy.hpp, and what it learnt of each operation; policies.cpp alone includes it.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <unordered_map>

#include "decide/duration_quantile.hpp"
#include "decide/policy.hpp"

namespace spanring::agent {

class LearntLatencyPolicy : public Policy {
public:
    static constexpr size_t kMostOperations = 1000;  // those that come later are one together

    // Throws std::invalid_argument. `threshold_ms`: and took at least so long.
    LearntLatencyPolicy(double quantile, uint64_t threshold_ms) : quantile_(quantile), threshold_(threshold_ms) {
        if (!(quantile > 0 && quantile < 1))
            throw std::invalid_argument("latency: above_quantile is not between 0 and 1");
    }

    bool learns() const override { return true; }
    bool wants_operation() const override { return true; }
    void learn(const TraceFacts& trace) override {
        DurationQuantile& usual = of(trace.state.operation);
        // Before it changes what is usual.
        agrees_ = trace.state.nanoseconds() > usual.bound() && trace.state.nanoseconds() / 1'000'000 >= threshold_;
        usual.add(trace.state.nanoseconds(), quantile_);
    }
    PolicyAnswer answer(const TraceFacts&) override { return agrees_ ? PolicyAnswer::kKeep : PolicyAnswer::kNone; }

private:
    DurationQuantile& of(uint64_t operation) {
        const auto known = usual_.find(operation);
        if (known != usual_.end()) return *known->second;
        if (usual_.size() >= kMostOperations) return others_;
        return *usual_.emplace(operation, std::make_unique<DurationQuantile>()).first->second;
    }

    const double quantile_;
    const uint64_t threshold_;
    bool agrees_ = false;  // of the trace that was learnt last
    std::unordered_map<uint64_t, std::unique_ptr<DurationQuantile>> usual_;
    DurationQuantile others_;
};

}  // namespace spanring::agent
