// SPDX-License-Identifier: Apache-2.0
//
// The process's own segment: what is free in it, and how it grows. Private memory of the process, shared by its
// threads; every operation may be called by any thread at any signal level and none waits for another.
//
// What is free is known twice: chunks by their word in shared memory (the agent frees them), slots and blocks only here
// (the agent never touches them while the process lives).
#pragma once

#include <cstdint>

#include "ring/chunk_writer.hpp"
#include "ring/clock.hpp"
#include "ring/index_pool.hpp"
#include "ring/segment_file.hpp"
#include "ring/segment_view.hpp"

namespace spanring::ring {

class Segment {
public:
    // Bytes of private, zeroed memory that open() needs for a segment of that many extents.
    static constexpr uint64_t pool_bytes(uint32_t extents) {
        return uint64_t{extents} * (kSlotsPerExtent + kBlocksPerExtent) * sizeof(uint32_t) +
               kCounterLines * sizeof(uint32_t);
    }

    // COLD. 0 or -errno.
    int open(const SegmentRequest& request, Clock& clock, uint32_t* pool_memory);

    // In a child after fork(): covers the hole and forgets the parent's segment. pool_memory must be zeroed before the
    // next open().
    void abandon();

    // COLD. Gives the mapping back, and with it the lock: to the agent the segment is one of the dead. No thread may be
    // in a call, now or later.
    void close();

    explicit operator bool() const { return static_cast<bool>(view_); }
    SegmentView view() const { return view_; }

    // Attaches a chunk with room for `bytes` to the writer, which has none. `first`: it is the thread's first, a small
    // one will do. `loss`: where the writer counts what is overwritten for it (flight recorder), and how many spans
    // that are: the caller counts them. False: the ring is full.
    bool attach_chunk(ChunkWriter<>& writer, uint32_t bytes, bool first, uint32_t owner, Loss& loss);

    // An order over all chunks that fill up.
    uint64_t next_sequence() { return StdAtomics::fetch_add(sequence_, uint64_t{1}, std::memory_order_relaxed); }

    // Changes whenever a chunk may have become free: a writer that found none need not search again before.
    uint64_t freed_mark() const {
        // acquire, twice: with the count comes the FREE or the PARKED word. Pairs with the release in
        // ChunkReader::release() and in note_parked(). Without it a writer could note the new count, search in vain,
        // and not search again. The number of extents is loaded again by whoever searches, and is never older then.
        return StdAtomics::load(view_.control().freed, std::memory_order_acquire) +
               StdAtomics::load(parked_, std::memory_order_acquire) +
               StdAtomics::load(view_.writer().extents, std::memory_order_relaxed);
    }
    // Whether a chunk that fills up is room for others: then no count tells when to search again.
    bool overwrites() const { return overwrite_; }

    // release: PARKED before the count. Pairs with the acquire in freed_mark().
    void note_parked() { StdAtomics::fetch_add(parked_, uint64_t{1}, std::memory_order_release); }

    // kNone: none is left.
    static constexpr uint32_t kNone = IndexPool<>::kNone;
    uint32_t slots() const { return extents() * kSlotsPerExtent; }  // that exist at present
    uint32_t take_slot();
    void give_slot(uint32_t slot) { slots_.push(slot); }
    uint32_t take_block();
    void give_block(uint32_t block) { blocks_.push(block); }

    // A counter line in populated memory, or nullptr: use WriterPage::shared_line, with read-modify-writes.
    CounterLine* counter_line(uint32_t line);
    uint32_t take_line() { return lines_.pop(kCounterLines); }
    void give_line(uint32_t line) { lines_.push(line); }

private:
    enum class Size : uint32_t { kSmall, kLarge, kJumbo };

    uint32_t extents() const {
        // acquire: the extent's memory is populated. Pairs with the release in grow(). Without it a thread could touch
        // pages that are not there yet (SIGBUS on a full tmpfs).
        return StdAtomics::load(view_.writer().extents, std::memory_order_acquire);
    }
    bool grow(uint32_t seen);
    bool search(ChunkWriter<>& writer, Size size, ChunkState state, uint32_t owner);
    bool adopt_parked(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner);
    bool overwrite_oldest(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner, Loss& loss);

    SegmentView view_;
    uint64_t size_ = 0;
    uint32_t extent_limit_ = 0;
    bool overwrite_ = false;
    Clock* clock_ = nullptr;
    IndexPool<> slots_;
    IndexPool<> blocks_;
    IndexPool<> lines_;
    uint32_t hints_[3] = {};  // where the last free chunk of a size was found; any value is right
    alignas(8) uint64_t sequence_ = 1;
    alignas(8) uint64_t parked_ = 0;      // ever parked
    alignas(8) uint64_t adopted_ = 0;     // ever adopted; while both are equal nothing is parked
    alignas(8) uint64_t grow_after_ = 0;  // ticks: a refused growth is not tried again before
};

}  // namespace spanring::ring
