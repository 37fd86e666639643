// SPDX-License-Identifier: Apache-2.0
//
// Which processes have series of their own, so that a storm of processes does not become a storm of series. The first
// ones that come keep theirs as long as their segment is there. All others, and those that are gone, are one sum: a
// process that is in it stays in it, so that it never goes back; one that had a series of its own never enters it, or
// its spans would be counted a second time. One thread.
#pragma once

#include <cstddef>
#include <set>
#include <vector>

#include "accounts/process_accounts.hpp"

namespace spanring::agent {

class ProcessSeries {
public:
    struct Split {
        std::vector<const ProcessAccount*> own;
        std::vector<ProcessAccount> others;
    };

    explicit ProcessSeries(size_t most) : most_(most) {}

    // `processes` with the finished ones; lives as long as the result.
    Split split(const std::vector<ProcessAccount>& processes);

private:
    using Instances = std::set<InstanceId>;

    const size_t most_;
    Instances own_;     // have one
    Instances had_;     // had one, and are finished
    Instances others_;  // have a segment, and no series
};

}  // namespace spanring::agent
