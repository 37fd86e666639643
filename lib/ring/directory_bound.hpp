// SPDX-License-Identifier: Apache-2.0
//
// What dead processes left in the runtime directory and no agent came to take: kept within a bound, the oldest of it
// gives way to what the living record. The application's side; no allocation, and never an error.
#pragma once

#include <cstdint>

#include "ring/layout.hpp"

namespace spanring::ring {

// Where nothing is said: a quarter of the file system, and no more than this.
inline constexpr uint64_t kDirectoryBound = uint64_t{512} << 20;

// COLD. Removes the oldest segments of dead processes until these have at most `bound` bytes of memory together (0: as
// above). Never one that an agent has, that is not whole, or of another layout. What goes is counted in `own` before it
// goes: whoever is killed in between has it counted twice, and never lost without a word. Bounded work; what is left
// over is left for the next caller. False: something is.
bool keep_directory_bound(int directory, uint64_t bound, WriterPage& own);

// COLD. The same where nobody looked within the last second, or the last one left something over: however many segments
// there are, a look at each is not part of every process's first span. The directory's access time says when, as
// whoever looked set it.
void keep_directory_bound_at_times(int directory, uint64_t bound, WriterPage& own);

}  // namespace spanring::ring
