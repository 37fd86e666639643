// SPDX-License-Identifier: Apache-2.0
//
// What the agent wants sampled in a process, in addition to what the application configured: bits of Control::policy,
// so that a start learns of it by the one load that it makes anyway. Written by the agent, read by the process.
#pragma once

#include <cstdint>

#include "ring/layout.hpp"
#include "ring/rejection_threshold.hpp"

namespace spanring::ring {

struct SamplingDirective {
    enum Kind : uint32_t {
        kNone = 0,   // as the application configured it
        kRatio = 1,  // value: a rejection threshold, which decides in place of the application's sampler
        kRate = 2,   // value: how many traces begin in 1,000 seconds; likewise
    };
    static constexpr uint64_t kGreatest = (uint64_t{1} << (64 - PolicyBits::kValueShift)) - 1;  // as threshold: never

    Kind kind = kNone;
    uint64_t value = 0;  // at most kGreatest

    static constexpr SamplingDirective unpack(uint64_t policy) {
        return {static_cast<Kind>((policy & PolicyBits::kSamplingKind) >> PolicyBits::kSamplingShift),
                policy >> PolicyBits::kValueShift};
    }
    // In place of what `policy` said before; its other bits stay.
    constexpr uint64_t pack(uint64_t policy) const {
        constexpr uint64_t kOthers = (uint64_t{1} << PolicyBits::kValueShift) - 1 - PolicyBits::kSamplingKind;
        return (policy & kOthers) | uint64_t{kind} << PolicyBits::kSamplingShift | value << PolicyBits::kValueShift;
    }

    static constexpr SamplingDirective ratio(double ratio) {
        const uint64_t threshold = RejectionThreshold::of(ratio);
        return {kRatio, threshold < kGreatest ? threshold : kGreatest};
    }
    static constexpr SamplingDirective rate(double traces_a_second) {
        const double value = traces_a_second * 1000 + 0.5;
        return {kRate, value >= static_cast<double>(kGreatest) ? kGreatest
                       : value >= 1                            ? static_cast<uint64_t>(value)
                                                               : 0};
    }

    constexpr uint64_t threshold() const { return value == kGreatest ? RejectionThreshold::kNever : value; }

    friend constexpr bool operator==(const SamplingDirective& one, const SamplingDirective& other) {
        return one.kind == other.kind && one.value == other.value;
    }
};

static_assert(SamplingDirective::unpack(SamplingDirective::ratio(0.25).pack(PolicyBits::kDisabled)) ==
              SamplingDirective::ratio(0.25));
static_assert(SamplingDirective{}.pack(SamplingDirective::rate(5).pack(PolicyBits::kRetired)) == PolicyBits::kRetired);

}  // namespace spanring::ring
