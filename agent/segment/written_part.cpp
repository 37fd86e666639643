// SPDX-License-Identifier: Apache-2.0
#include "segment/written_part.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace spanring::agent {

// tmpfs takes a page that is reserved and was not yet touched for a hole, one that is swapped out for data.
uint64_t end_of_written(int file, uint64_t from, uint64_t to) {
    uint64_t end = from;
    for (uint64_t at = from; at < to;) {
        const off_t data = ::lseek(file, static_cast<off_t>(at), SEEK_DATA);
        if (data < 0 && errno == ENXIO) return end;  // nothing but holes to the file's end
        if (data < 0) return to;
        if (static_cast<uint64_t>(data) >= to) return end;
        const off_t hole = ::lseek(file, data, SEEK_HOLE);
        if (hole <= data) return to;
        at = end = std::min(static_cast<uint64_t>(hole), to);
    }
    return end;
}

}  // namespace spanring::agent
