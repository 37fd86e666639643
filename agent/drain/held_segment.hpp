// SPDX-License-Identifier: Apache-2.0
//
// A segment that is this agent's to drain: its file with the lock on byte 1, its memory, and what was found out about
// it before the first span was read. Drain thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <sys/types.h>

#include "base/descriptor.hpp"
#include "batch/batch.hpp"
#include "ring/ack_book.hpp"
#include "ring/atomics.hpp"
#include "ring/layout.hpp"
#include "ring/segment_view.hpp"
#include "segment/segment_file.hpp"
#include "segment/segment_mapping.hpp"

namespace spanring::agent {

struct HeldSegment {
    uint64_t source = 0;  // names the attachment in receipts
    std::string name;
    Descriptor file;  // the lock goes with it
    dev_t device = 0;
    ino_t inode = 0;
    ring::Header header{};  // the checked copy
    std::shared_ptr<SegmentMapping> mapping;
    std::shared_ptr<const Producer> producer;
    bool overwrite = false;  // its writers may overwrite what the agent has not taken
    bool zero_copy = false;  // batches may point into it
    uint64_t attached_unix_nano = 0;
    bool agent_died = false;  // one that served this segment
    uint32_t extents = 0;     // as last seen
    ring::AckBook<> book;

    ring::SegmentView view() const { return mapping->view(); }

    // Looks how many extents there are by now. False: more than there may be, or fewer than before.
    bool update_extents() {
        // acquire: the extents below are populated. Pairs with the release in Segment::grow(). Without it one could be
        // touched that is not there yet.
        const uint32_t counted = ring::StdAtomics::load(view().writer().extents, std::memory_order_acquire);
        if (counted > header.extent_limit || counted < extents) return false;
        extents = counted;
        return true;
    }
    static constexpr char kBadExtents[] = "it counts more extents than it has, or fewer than before";
};

}  // namespace spanring::agent
