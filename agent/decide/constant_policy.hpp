// SPDX-License-Identifier: Apache-2.0
//
// `always_sample` and `never`: the same of each trace that comes to them.
#pragma once

#include "decide/policy.hpp"

namespace spanring::agent {

class ConstantPolicy : public Policy {
public:
    explicit ConstantPolicy(PolicyAnswer answer) : answer_(answer) {}

    PolicyAnswer answer(const TraceFacts&) override { return answer_; }

private:
    const PolicyAnswer answer_;
};

}  // namespace spanring::agent
