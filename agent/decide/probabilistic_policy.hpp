// SPDX-License-Identifier: Apache-2.0
//
// `probabilistic`: a share of all traces, with a larger share the same ones and more. Where spans say of how they were
// sampled, and in the mode `equalizing` always, by what OpenTelemetry takes for random of a trace, as every sampler
// that does so; else by a hash of the trace id: the same ones on every host that has the same salt.
#pragma once

#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "decide/policy.hpp"
#include "decide/tail_sampling_options.hpp"

namespace spanring::agent {

class ProbabilisticPolicy : public Policy {
public:
    // Throws std::invalid_argument.
    ProbabilisticPolicy(double percentage, ChanceMode mode, std::string salt) : mode_(mode), salt_(std::move(salt)) {
        if (!(percentage > 0)) throw std::invalid_argument("probabilistic: must say sampling_percentage");
        kept_below_ = percentage / 100;
        threshold_ = threshold_for(kept_below_);
    }

    static uint64_t threshold_for(double probability) { return threshold_of(probability, kDigits); }

    using Policy::agrees;
    bool agrees(const SpanFacts& span) override {
        if (span.sampling.empty()) return false;
        return span.sampling.randomness.value_or(randomness_of(span.outline.trace_id)) >= threshold_;
    }
    PolicyAnswer answer(const TraceFacts& trace) override {
        return keeps(trace) ? PolicyAnswer::kKeep : PolicyAnswer::kDeclined;
    }
    std::optional<uint64_t> threshold() const override { return threshold_; }
    bool begins_state() const override { return mode_ == ChanceMode::kEqualizing; }

private:
    static constexpr uint32_t kDigits = 4;  // of the threshold, as the Collector's processor has by default

    bool keeps(const TraceFacts& trace) const {
        if (trace.state.has_chance) return trace.agreed;
        if (mode_ == ChanceMode::kHashSeed) return place_of(trace.key) < kept_below_;
        uint8_t id[sizeof trace.key.first + sizeof trace.key.second];
        std::memcpy(id, &trace.key.first, sizeof trace.key.first);
        std::memcpy(id + sizeof trace.key.first, &trace.key.second, sizeof trace.key.second);
        return randomness_of(id) >= threshold_;
    }

    // In [0, 1). FNV-1a over salt and id, as the Collector has it, so that both choose the same.
    double place_of(const TraceKey& key) const {
        uint64_t hash = 0xcbf29ce484222325;
        const auto add = [&hash](const void* bytes, size_t size) {
            for (size_t i = 0; i < size; ++i)
                hash = (hash ^ static_cast<const uint8_t*>(bytes)[i]) * uint64_t{0x100000001b3};
        };
        add(salt_.data(), salt_.size());
        add(&key.first, sizeof key.first);
        add(&key.second, sizeof key.second);
        return static_cast<double>(hash) / 18446744073709551616.0;
    }

    const ChanceMode mode_;
    const std::string salt_;
    double kept_below_ = 0;
    uint64_t threshold_ = 0;
};

}  // namespace spanring::agent
