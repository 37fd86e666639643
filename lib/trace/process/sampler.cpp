// SPDX-License-Identifier: Apache-2.0
#include "trace/process/sampler.hpp"

#include <stdlib.h>
#include <string.h>

#include "trace/process/rate_limiter.hpp"

namespace spanring::trace {

using ring::SamplingOrder;

namespace {

// A number from least to most; nothing else.
bool parse_number(const char* text, double least, double most, double& ret_value) {
    if (text == nullptr || *text == 0) return false;
    char* end = nullptr;
    const double value = strtod(text, &end);
    if (end == text || *end != 0 || !(value >= least && value <= most)) return false;
    ret_value = value;
    return true;
}

}  // namespace

Sampler Sampler::parse(const char* name, const char* argument) {
    constexpr double kMostTracesASecond = 1e9;
    Sampler sampler;
    if (name == nullptr || *name == 0) return sampler;
    constexpr char kParentBased[] = "parentbased_";
    const bool parent_based = strncmp(name, kParentBased, sizeof kParentBased - 1) == 0;
    const char* root = parent_based ? name + sizeof kParentBased - 1 : name;
    double number = 1;

    if (strcmp(root, "always_on") == 0) {
        sampler.own_ = {};
    } else if (strcmp(root, "always_off") == 0) {
        sampler.own_ = SamplingOrder::ratio(0);
    } else if (strcmp(root, "traceidratio") == 0) {
        parse_number(argument, 0, 1, number);
        sampler.own_ = SamplingOrder::ratio(number);
    } else if (strcmp(root, "ratelimiting") == 0 && parse_number(argument, 0, kMostTracesASecond, number)) {
        sampler.own_ = SamplingOrder::rate(number);  // not of the specification
    } else {
        return sampler;
    }
    sampler.refuses_roots_ = sampler.own_ == SamplingOrder::ratio(0);
    sampler.ignores_parent_ = !parent_based;
    return sampler;
}

Sampler Sampler::from_environment() { return parse(getenv("OTEL_TRACES_SAMPLER"), getenv("OTEL_TRACES_SAMPLER_ARG")); }

Sampler::Decision Sampler::decide(SamplingOrder order, RateLimiter& limiter, uint64_t randomness, uint64_t now) const {
    const SamplingOrder rule = in_force(order);
    switch (rule.kind) {
        case SamplingOrder::kNone: return {true, false, 0};
        case SamplingOrder::kRatio: return {randomness >= rule.threshold(), true, rule.threshold()};
        case SamplingOrder::kRate: return {limiter.admit(rule, now), false, 0};
    }
    return {true, false, 0};  // a kind that a later agent knows: as if nothing were ordered
}

}  // namespace spanring::trace
