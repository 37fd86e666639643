// SPDX-License-Identifier: Apache-2.0
//
// The standard samplers (specification: trace/sdk.md, Built-in samplers), as one small value: what to do where a trace
// begins, and whether a parent's decision is followed. The agent may put a directive in place of the first.
#pragma once

#include <cstdint>

#include "ring/sampling_directive.hpp"
#include "spanring/spanring.h"

namespace spanring::trace {

class RateLimiter;
class Variable;

class Sampler {
public:
    // From OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG; what cannot be parsed gives the default,
    // parentbased_always_on, as the specification asks.
    static Sampler from_environment();
    static Sampler parse(const char* name, const char* argument);

    // HOT. Whether a span below `parent` (nullptr: a root) is decided by it.
    bool follows(const spr_context* parent) const { return parent != nullptr && !ignores_parent_; }

    // HOT. Whether the answer is no, whatever the trace id will be, unless a directive of the agent overrules it.
    bool refuses(const spr_context* parent) const {
        if (follows(parent)) return (parent->trace_flags & SPR_TRACE_FLAG_SAMPLED) == 0;
        return refuses_roots_;
    }

    // HOT. Whether the answer is yes, no directive is in force, and `inherited` (ContextTail) may stay as it is.
    bool accepts(const spr_context* parent, uint64_t inherited) const {
        if (follows(parent)) return (parent->trace_flags & SPR_TRACE_FLAG_SAMPLED) != 0;
        return own_.kind == ring::SamplingDirective::kNone && inherited == 0;
    }

    struct Decision {
        bool sampled;
        bool has_threshold;  // it was decided by
        uint64_t threshold;
    };
    // Where a trace begins, or a parent is not followed. `directive`: the agent's; of kind kNone, the application's own
    // counts. randomness: 56 bits of the trace. now: nanoseconds since the Unix epoch; looked at where needs_time()
    // says so.
    Decision decide(ring::SamplingDirective directive, RateLimiter& limiter, uint64_t randomness, uint64_t now) const;
    bool needs_time(ring::SamplingDirective directive) const {
        return in_force(directive).kind == ring::SamplingDirective::kRate;
    }

    // Variables that were not understood.
    uint32_t misread() const { return misread_ ? 1 : 0; }

    bool ignores_parent() const { return ignores_parent_; }

    // The lowest 56 bits of the trace id, so that every sampler that follows the consistent-probability rules decides
    // alike (specification: trace/tracestate-probability-sampling.md).
    static uint64_t randomness(const uint8_t (&trace_id)[16]) {
        uint64_t bits;
        __builtin_memcpy(&bits, trace_id + 8, sizeof bits);
        return __builtin_bswap64(bits) & (ring::RejectionThreshold::kNever - 1);
    }

private:
    static Sampler choose(Variable name, Variable argument);

    ring::SamplingDirective in_force(ring::SamplingDirective directive) const {
        return directive.kind != ring::SamplingDirective::kNone ? directive : own_;
    }

    ring::SamplingDirective own_;  // kNone: everything
    bool refuses_roots_ = false;   // what own_ comes to
    bool misread_ = false;
    bool ignores_parent_ = false;  // all zero is parentbased_always_on: the providers stay in .bss
};

}  // namespace spanring::trace
