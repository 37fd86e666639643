// SPDX-License-Identifier: Apache-2.0
//
// A thread has vanished in the middle of a call, and its process lives on: what the others do then, and whether all of
// it comes out.
#pragma once

#include <cstdint>
#include <string>

#include "workload.hpp"

namespace spanring::test {

struct Survival {
    std::string fault;        // empty: nothing is owned twice, and the counts come out exactly, before and after
    uint32_t lost_slots = 0;  // what nobody can have again before the process ends
    uint32_t lost_blocks = 0;
    uint32_t lost_evicting = 0;  // chunks
};

// On the calling thread and some new ones: the state of the vanished thread is reaped, its things are used again, all
// slots taken, the ring filled up.
Survival survive(Workload& workload, int vanished);

}  // namespace spanring::test
