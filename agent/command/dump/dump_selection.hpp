// SPDX-License-Identifier: Apache-2.0
//
// Which spans of a segment are wanted.
#pragma once

#include <cstdint>
#include <vector>

#include "command/dump/segment_dump.hpp"

namespace spanring::agent {

struct DumpSelection {
    bool open_only = false;     // none that ended
    bool pending_only = false;  // of the ended ones, only those that no agent has acknowledged
    uint64_t limit = 0;         // at most this many, the newest; 0: all

    // By end, the open ones last.
    std::vector<const DumpedSpan*> of(const SegmentDump& dump) const;
};

}  // namespace spanring::agent
