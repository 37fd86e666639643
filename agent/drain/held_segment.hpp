// SPDX-License-Identifier: Apache-2.0
//
// A segment that is this agent's to drain: its file with the lock on byte 1, its memory, and what was found out about
// it before the first span was read. Drain thread only.
//
// Header bill: it holds the file, its mapping, its extents and its book; what the drain has of a segment includes it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <sys/stat.h>
#include <sys/types.h>

#include "base/descriptor.hpp"
#include "batch/batch.hpp"
#include "ring/ack_book.hpp"
#include "ring/extent_map.hpp"
#include "ring/layout.hpp"
#include "ring/segment_view.hpp"
#include "segment/segment_file.hpp"
#include "segment/segment_mapping.hpp"
#include "segment/written_part.hpp"

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
    bool attached_before = false;  // by an agent before
    bool agent_died = false;       // one that served this segment
    ring::ExtentMap extents;       // as last seen
    ring::AckBook<> book;

    ring::SegmentView view() const { return {mapping->view().base(), header.extent_limit}; }

    // Looks how many extents there are by now. False: their number or the use of one is impossible.
    bool update_extents() {
        const uint64_t before = said_to_have();
        return extents.update(view()) && (said_to_have() <= before || has_memory());
    }
    // Of a chunk that has bytes to be read. False: it cannot have.
    bool can_be_read(uint32_t chunk) {
        return extents.has_memory(chunk) || (extents.look_for_memory(view(), chunk) && has_memory());
    }
    bool restores_memory() const { return (header.compatible & ring::kRestoresMemory) != 0; }
    bool update_extents_of_the_dead() {
        const uint64_t before = said_to_have();
        if (!extents.update_finally(view()) || (said_to_have() > before && !has_memory())) return false;
        WrittenPart written(file.get());
        for (uint32_t extent = 0; extent < extents.count(); ++extent) {
            if (extents.slots_in(extent) == 0) continue;
            const uint64_t from = extents.offset_of(extent);
            const uint64_t size = written.end_of(from, from + ring::kExtentSize) - from;
            extents.only_slots_below(extent, static_cast<uint32_t>((size + ring::kSlotSize - 1) / ring::kSlotSize));
        }
        return true;
    }
    static constexpr char kBadExtents[] =
        "it counts more extents than it has memory for, or fewer than before, or one of an unknown use";

private:
    // Whoever counts an extent has populated it, and what was given back is not read; who did not would have it
    // populated by the agent, which reads it, and charged to it. A small segment is let through, and one that somebody
    // copied without its zeros.
    static constexpr uint64_t kSmall = 32u << 20;
    static constexpr uint64_t kTimesItsMemory = 4;

    uint64_t said_to_have() const {
        return extents.count() == 0
                   ? 0
                   : ring::segment_size(extents.count()) + extents.huge_bytes() - extents.bytes_without_memory();
    }
    bool has_memory() const {
        const uint64_t counted = said_to_have();
        struct stat status;
        if (counted <= kSmall || fstat(file.get(), &status) != 0) return true;
        return counted <= kTimesItsMemory * 512 * static_cast<uint64_t>(status.st_blocks);
    }
};

}  // namespace spanring::agent
