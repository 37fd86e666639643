// SPDX-License-Identifier: Apache-2.0
//
// `probabilistic_sampler`: a share of the spans, the same ones of a trace wherever it is asked. What it lets through
// says in its trace state how likely that was, so that who counts spans can count what they stand for.
#pragma once

#include <cstdint>
#include <string>

#include "otlp/sampling_state.hpp"
#include "processors/processor.hpp"

namespace spanring::agent {

class ProbabilisticSamplerProcessor : public Processor {
public:
    explicit ProbabilisticSamplerProcessor(const ProbabilisticSamplerOptions& options);

    void add_interest(SpanInterest& interest) const override;
    bool take_span(SpanEdit& span, const ResourceMarks& marks, size_t first) override;

private:
    // Of a sound state. False: it cannot be followed, and nothing is to be written.
    bool choose(const uint8_t* trace_id, SamplingState& state, uint64_t& ret_threshold, uint64_t& ret_random);
    uint64_t hash_of(const uint8_t* trace_id) const;

    const SamplerMode mode_;
    const uint32_t seed_;
    const uint32_t digits_;
    const uint64_t otherwise_;  // the threshold where what comes makes no sense
    double probability_ = 0;
    uint64_t threshold_ = 0;
    std::string list_;
};

}  // namespace spanring::agent
