// SPDX-License-Identifier: Apache-2.0
#include "segment/written_part.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace spanring::agent {

uint64_t WrittenPart::end_of(uint64_t from, uint64_t to) {
    uint64_t end = from;
    for (uint64_t at = from; at < to;) {
        if (at >= hole_ && at >= data_) {
            if (!look(at)) return to;
        } else if (at < hole_) {
            at = end = std::min(hole_, to);
        } else {
            at = data_;
        }
    }
    return end;
}

// tmpfs takes a page that is reserved and was not yet touched for a hole, one that is swapped out for data. Most often
// something is there: then nobody has to ask where that begins. False: it is not to be had from there, or the file ends
// before.
bool WrittenPart::look(uint64_t at) {
    if (at != hole_ || at == 0) {
        const off_t hole = ::lseek(file_, static_cast<off_t>(at), SEEK_HOLE);
        if (hole < 0 || static_cast<uint64_t>(hole) < at) return false;
        hole_ = static_cast<uint64_t>(hole);
        if (hole_ != at) return true;
    }
    off_t data = ::lseek(file_, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno == ENXIO) data = ::lseek(file_, 0, SEEK_END);  // but holes to there, or at its end
    if (data < 0 || static_cast<uint64_t>(data) <= at) return false;
    data_ = static_cast<uint64_t>(data);
    return true;
}

}  // namespace spanring::agent
