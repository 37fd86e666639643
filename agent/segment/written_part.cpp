// SPDX-License-Identifier: Apache-2.0
#include "segment/written_part.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace spanring::agent {

uint64_t WrittenPart::end_of(uint64_t from, uint64_t to) {
    uint64_t end = from;
    for (uint64_t at = from; at < to;) {
        if (at >= hole_ && !look(at)) return to;
        if (data_ >= to) return end;
        at = end = std::min(hole_, to);
    }
    return end;
}

// tmpfs takes a page that is reserved and was not yet touched for a hole, one that is swapped out for data. False: it
// is not to be had from there, or nothing is there.
bool WrittenPart::look(uint64_t at) {
    const off_t data = ::lseek(file_, static_cast<off_t>(at), SEEK_DATA);
    const bool nothing = data < 0 && errno == ENXIO;  // but holes to the file's end, or behind it
    const off_t hole = nothing ? ::lseek(file_, 0, SEEK_END) : data < 0 ? data : ::lseek(file_, data, SEEK_HOLE);
    if (hole < 0 || static_cast<uint64_t>(hole) <= at) return false;
    data_ = static_cast<uint64_t>(nothing ? hole : data);
    hole_ = static_cast<uint64_t>(hole);
    return true;
}

}  // namespace spanring::agent
