// SPDX-License-Identifier: Apache-2.0
//
// The standard samplers (specification: trace/sdk.md, Built-in samplers), as one small value: what to do at a root, and
// whether a parent's decision is followed.
#pragma once

#include <cstdint>

#include "spanring/spanring.h"

namespace spanring::trace {

class Sampler {
public:
    // From OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG; what cannot be parsed gives the default,
    // parentbased_always_on, as the specification asks.
    static Sampler from_environment();
    static Sampler parse(const char* name, const char* argument);

    // HOT. Whether sample() says no whatever the trace id will be.
    bool refuses(const spr_context* parent) const {
        if (parent != nullptr && !ignores_parent_) return (parent->trace_flags & SPR_TRACE_FLAG_SAMPLED) == 0;
        return threshold_ == kNever;
    }

    // HOT. The decision for a span of the trace, below `parent` (nullptr: a root).
    bool sample(const spr_context* parent, const uint8_t (&trace_id)[16]) const {
        if (parent != nullptr && !ignores_parent_) return (parent->trace_flags & SPR_TRACE_FLAG_SAMPLED) != 0;
        if (threshold_ == 0) return true;
        return randomness(trace_id) >= threshold_;
    }


    bool never() const { return ignores_parent_ && threshold_ == kNever; }

private:
    static constexpr uint64_t kNever = uint64_t{1} << 56;

    // The lowest 56 bits of the trace id, so that every sampler that follows the consistent-probability rules decides
    // alike (specification: trace/tracestate-probability-sampling.md).
    static uint64_t randomness(const uint8_t (&trace_id)[16]) {
        uint64_t bits;
        __builtin_memcpy(&bits, trace_id + 8, sizeof bits);
        return __builtin_bswap64(bits) & (kNever - 1);
    }

    uint64_t threshold_ = 0;  // rejects below it; 0: all pass, kNever: none
    bool ignores_parent_ = false;  // all zero is parentbased_always_on: the providers stay in .bss
};

}  // namespace spanring::trace
