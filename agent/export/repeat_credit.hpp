// SPDX-License-Identifier: Apache-2.0
//
// Whether a backend that fails some requests and takes others takes enough for what failed to be sent again at once.
// A balancer with one bad backend behind it should not be slowed down; one that fails seven of eight, by mistake or to
// have the agent flood it, should. What is taken earns two credits, a failure costs one: so what is sent again is at
// most twice what is taken, and what the credit began with.
#pragma once

#include <algorithm>

namespace spanring::agent {

class RepeatCredit {
public:
    static constexpr int kMost = 16, kGood = 8, kEarned = 2;

    void taken() { credit_ = std::min(kMost, credit_ + kEarned); }
    void failed() { credit_ = std::max(0, credit_ - 1); }

    bool good() const { return credit_ >= kGood; }

private:
    int credit_ = kMost;
};

}  // namespace spanring::agent
