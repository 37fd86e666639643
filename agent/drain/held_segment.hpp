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
#include "ring/extent_map.hpp"
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
    ring::ExtentMap extents;  // as last seen
    ring::AckBook<> book;

    ring::SegmentView view() const { return mapping->view(); }

    // Looks how many extents there are by now. False: their number or the use of one is impossible.
    bool update_extents() { return extents.update(view()); }
    static constexpr char kBadExtents[] =
        "it counts more extents than it has, or fewer than before, or one of an unknown use";
};

}  // namespace spanring::agent
