// SPDX-License-Identifier: Apache-2.0
//
// `unfinished`: traces with a span that its process left open when it ended.
#pragma once

#include "decide/policy.hpp"

namespace spanring::agent {

class UnfinishedPolicy : public Policy {
public:
    using Policy::agrees;
    bool agrees(const SpanFacts& span) override { return span.unfinished; }
};

}  // namespace spanring::agent
