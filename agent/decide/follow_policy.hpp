// SPDX-License-Identifier: Apache-2.0
//
// `follow`: what was decided where the trace came from. Of a span whose parent is in another process, by its own
// sampled flag, which a parent-based sampler takes over from that parent.
#pragma once

#include "decide/policy.hpp"

namespace spanring::agent {

class FollowPolicy : public Policy {
public:
    PolicyAnswer answer(const TraceFacts& trace) override {
        if ((trace.state.remote_parents & kSampledParent) != 0) return PolicyAnswer::kKeep;
        return trace.state.remote_parents != 0 ? PolicyAnswer::kDrop : PolicyAnswer::kNone;
    }
};

}  // namespace spanring::agent
