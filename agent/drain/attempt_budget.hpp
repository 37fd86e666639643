// SPDX-License-Identifier: Apache-2.0
//
// How often the agent tries to attach to files of one owner. So many in a pass, for others wait for its end; and of
// those that turn out not to be segments so many a second, for they are made faster than they are looked at. Hints have
// a purse of their own, so that a new process is found at once beside a hundred thousand files that are none. Drain
// thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <utility>

#include <sys/types.h>

#include "drain/purses.hpp"

namespace spanring::agent {

enum class AttemptOrigin { kHint, kListing };

class AttemptBudget {
public:
    using Time = TokenBucket::Time;

    // An attempt takes some 30 us, through the opener; half a millisecond is mapped and recovered.
    static constexpr size_t kMostInAPass = 64;
    static constexpr double kFailuresAtOnce = 256;
    static constexpr double kFailuresASecond = 256;

    enum class Answer {
        kNow,
        kNextPass,
        kLater,  // too many of the owner's files were not segments
    };

    void begin_pass() { in_pass_.clear(); }

    Answer ask(uid_t owner, AttemptOrigin origin, Time now) {
        if (!purses_.of({owner, origin}, now).has_one(now)) return Answer::kLater;
        return ++in_pass_[owner] <= kMostInAPass ? Answer::kNow : Answer::kNextPass;
    }
    void failed(uid_t owner, AttemptOrigin origin, Time now) { purses_.of({owner, origin}, now).take(); }

private:
    Purses<std::pair<uid_t, AttemptOrigin>> purses_{kFailuresAtOnce, kFailuresASecond};
    std::map<uid_t, size_t> in_pass_;
};

}  // namespace spanring::agent
