// SPDX-License-Identifier: Apache-2.0
//
// Memory of a living process that has not been used for a while, and goes back to the system until a writer needs it
// again (ring/extent_giver.hpp). Of one segment, whose process said that it can make its extents whole again. Drain
// thread only.
//
// Invariants: what goes are chunks that are FREE: read, acknowledged, and let go of by every batch that pointed into
// them (RetiredChunks); and slots and blocks of which the process says that it does not use them, which no agent reads
// while it lives. What went is not read: a read of a hole makes memory of it.
//
// Header bill: it gives what a HeldSegment holds, by what its cursors know; attached_segment.hpp alone includes it.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

#include "drain/chunk_cursors.hpp"
#include "drain/held_segment.hpp"
#include "ring/extent_word.hpp"

namespace spanring::agent {

class IdleMemory {
public:
    using Clock = std::chrono::steady_clock;

    // Both outlive it.
    IdleMemory(HeldSegment& held, ChunkCursors& cursors) : held_(held), cursors_(cursors) {}

    // What an agent began that was killed. At attach, before a chunk is looked at.
    void finish_giving();

    void note_claimed(uint32_t chunk) { since(chunk / ring::kChunksPerExtent) = {}; }
    void note_freed(uint32_t chunk, Clock::time_point now) { since(chunk / ring::kChunksPerExtent) = now; }

    // Gives back what has not been used for `after` (0: nothing), down to what a process may keep. True: there is more
    // of it than one look should cost.
    bool give_back(Clock::time_point now, Clock::duration after);

    // Bytes that went since this was asked last.
    uint64_t take_given() { return std::exchange(given_, 0); }

private:
    Clock::time_point& since(uint32_t extent) {
        const uint32_t row = ring::ExtentMap::row(extent);
        if (row >= since_.size()) since_.resize(held_.extents.rows());
        return since_[row];
    }
    bool holds_little() const;
    bool is_unused_as_before(uint32_t extent);
    bool has_idle_chunk(uint32_t extent) const;
    ring::ExtentWord word(uint32_t extent) const;
    void give(uint32_t extent);
    void give_chunks(uint32_t extent);
    void give_unused(uint32_t extent);

    HeldSegment& held_;
    ChunkCursors& cursors_;
    std::vector<Clock::time_point> since_;  // of each extent, by its row: when it was used last; {}: since the last
                                            // look
    std::vector<uint32_t> unused_;          // of each of open spans: which time it is that it is unused
    Clock::time_point next_{};              // nothing is due before
    uint64_t given_ = 0;
};

}  // namespace spanring::agent
