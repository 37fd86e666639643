// SPDX-License-Identifier: Apache-2.0
//
// What of a batch each user's processes wrote. A batch carries whatever came; where spans are kept for long, whoever
// keeps most is to give way, and for that nobody's spans lie among another's.
#pragma once

#include <span>
#include <vector>

#include <sys/types.h>

#include "batch/batch.hpp"

namespace spanring::agent {

struct OwnerRuns {
    uid_t owner = 0;
    std::vector<Run> runs;  // in their old order, referring to the same memory
};

// Owners in the order in which they first appear.
std::vector<OwnerRuns> runs_by_owner(std::span<const Run> runs);

}  // namespace spanring::agent
