// SPDX-License-Identifier: Apache-2.0
//
// What was ever written of a file's part, as the kernel knows it. To read the rest would say as much, but a page of a
// segment that its process reserved and never touched is made by whoever reads it: a fault, a page of zeros, and both
// undone when the file goes.
#pragma once

#include <cstdint>

namespace spanring::agent {

// Behind the last page between `from` and `to`, in bytes, that may hold something else than zeros; `to` where the file
// system cannot tell, `from` where there is none. Moves the file's offset. Two system calls, where what was written
// lies at the begin.
uint64_t end_of_written(int file, uint64_t from, uint64_t to);

}  // namespace spanring::agent
