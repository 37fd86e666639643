// SPDX-License-Identifier: Apache-2.0
#include "trace/process/sampler.hpp"

#include "trace/base/variable.hpp"
#include "trace/process/rate_limiter.hpp"

namespace spanring::trace {

using ring::SamplingDirective;

Sampler Sampler::parse(const char* name, const char* argument) {
    return choose(Variable::of(name), Variable::of(argument));
}

Sampler Sampler::choose(Variable name, Variable argument) {
    constexpr double kMostTracesASecond = 1e9;
    Sampler sampler;
    const bool is_said = name.is_set();
    const bool parent_based = name.take("parentbased_");
    double number = 1;
    if (name.is("always_on")) {
        sampler.own_ = {};
    } else if (name.is("always_off")) {
        sampler.own_ = SamplingDirective::ratio(0);
    } else if (name.is("traceidratio")) {
        sampler.misread_ = !argument.number(0, 1, number) && argument.is_set();
        sampler.own_ = SamplingDirective::ratio(number);
    } else if (name.is("ratelimiting") && argument.number(0, kMostTracesASecond, number)) {
        sampler.own_ = SamplingDirective::rate(number);  // not of the specification
    } else {                                             // ratelimiting without a rate as well
        sampler.misread_ = is_said;
        return sampler;
    }
    sampler.refuses_roots_ = sampler.own_ == SamplingDirective::ratio(0);
    sampler.ignores_parent_ = !parent_based;
    return sampler;
}

Sampler Sampler::from_environment() {
    return choose(Variable("OTEL_TRACES_SAMPLER"), Variable("OTEL_TRACES_SAMPLER_ARG"));
}

Sampler::Decision Sampler::decide(SamplingDirective directive, RateLimiter& limiter, uint64_t randomness,
                                  uint64_t now) const {
    const SamplingDirective rule = in_force(directive);
    switch (rule.kind) {
        case SamplingDirective::kNone: return {true, false, 0};
        case SamplingDirective::kRatio: return {randomness >= rule.threshold(), true, rule.threshold()};
        case SamplingDirective::kRate: return {limiter.admit(rule, now), false, 0};
    }
    return {true, false, 0};  // a kind that a later agent knows: as if nothing were ordered
}

}  // namespace spanring::trace
