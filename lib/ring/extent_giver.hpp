// SPDX-License-Identifier: Apache-2.0
//
// Memory that goes back: that of the FREE chunks of an extent, and that of slots and blocks which nobody uses. By one
// thread of whoever has the agent's lock, and only of a living process that said that it can make an extent whole
// again.
//
//     word -> GIVING          nobody claims a chunk of it any more whose word was loaded after this
//     each chunk FREE, on     by a generation: nobody claims one whose word was loaded before
//     these punched           by the caller; words, lines and marks lie outside of what goes
//     word GIVING -> EMPTY    and counts how often; a writer makes it whole (Segment::restore_extent())
//
// A chunk that is not FREE goes on as it was; once it is FREE it is claimed no sooner than the others. Killed in
// between: the word is GIVING, and the next agent goes on from there. Where none is FREE the word is whole again.
//
//     word UNUSED -> GIVING   of slots and blocks: the process takes none of these before it has the word
//     the extent punched      by the caller
//     word GIVING -> EMPTY    the process populates it before it uses it again (Segment::turn_extent())
#pragma once

#include <cstdint>

#include "ring/atomics.hpp"
#include "ring/chunk_word.hpp"
#include "ring/extent_word.hpp"
#include "ring/segment_view.hpp"
#include "ring/testpoint.hpp"

namespace spanring::ring {

template <class Atomics = StdAtomics>
class ExtentGiver {
public:
    explicit ExtentGiver(SegmentView segment) : segment_(segment) {}

    // Takes an extent of chunks whose memory may go, or what is left of it. Calls moved(chunk, word) for each that was
    // FREE and is another generation now. Returns these, by place, a bit each: the caller punches them, then calls
    // finish(). 0: there is none, or the extent is not to be had.
    template <class Moved>
    uint32_t take(uint32_t extent, ExtentKind kind, Moved&& moved) {
        uint64_t& word = segment_.extent_word(extent);
        // relaxed: the exchange decides.
        uint64_t seen = Atomics::load(word, std::memory_order_relaxed);
        before_ = ExtentWord::unpack(seen);
        if (!ExtentWord::is_sound(seen, extent) || before_.kind != kind || !holds_chunks(kind)) return 0;
        if (before_.memory != ExtentMemory::kGiving) {  // otherwise one that was killed had it
            // relaxed: it is published with the chunks, by the releases in move_on().
            const uint64_t giving = ExtentWord{kind, ExtentMemory::kGiving, before_.gives}.pack();
            if (!Atomics::compare_exchange(word, seen, giving, std::memory_order_relaxed)) return 0;
            SPR_TESTPOINT(extent_giving);
        }
        uint32_t taken = 0;
        for (uint32_t place = 0; place < parts_of(kind); ++place)
            if (move_on(extent * kChunksPerExtent + place, moved)) taken |= uint32_t{1} << place;
        SPR_TESTPOINT(extent_moved_on);
        if (taken == 0) leave(extent, {kind, ExtentMemory::kWhole, before_.gives});  // what has no memory is FREE
        return taken;
    }

    // Of the extent that take() returned chunks of: some are punched. False: none; then it is what it was before.
    void finish(uint32_t extent, ExtentKind kind, bool punched) {
        const bool empty = punched || before_.memory != ExtentMemory::kWhole;
        leave(extent, {kind, empty ? ExtentMemory::kEmpty : ExtentMemory::kWhole, before_.gives + empty});
        SPR_TESTPOINT(extent_emptied);
    }

    // Takes an extent of slots or blocks whose word was `seen`: nobody uses it, or one that was killed had it. False:
    // it is used again. The caller punches it, then calls finish_unused().
    bool take_unused(uint32_t extent, ExtentWord seen) {
        before_ = seen;
        if (holds_chunks(seen.kind)) return false;
        if (seen.memory == ExtentMemory::kGiving) return true;
        if (seen.memory != ExtentMemory::kUnused) return false;
        uint64_t word = seen.pack();
        const uint64_t giving = ExtentWord{seen.kind, ExtentMemory::kGiving, seen.gives}.pack();
        // acquire: what its users wrote, before it is punched. Pairs with the release in Segment::close_extent().
        // Without it a late store of theirs could make memory again, which nobody would give back.
        if (!Atomics::compare_exchange(segment_.extent_word(extent), word, giving, std::memory_order_acquire))
            return false;
        SPR_TESTPOINT(unused_giving);
        return true;
    }

    // Punched or not: populating it once more does no harm.
    void finish_unused(uint32_t extent) {
        leave(extent, {before_.kind, ExtentMemory::kEmpty, before_.gives + 1});
        SPR_TESTPOINT(unused_emptied);
    }

private:
    template <class Moved>
    bool move_on(uint32_t chunk, Moved& moved) {
        uint64_t& word = segment_.chunk_line(chunk).word;
        uint64_t seen = Atomics::load(word, std::memory_order_relaxed);  // the exchange decides
        ChunkWord next = ChunkWord::unpack(seen);
        if (next.state != ChunkState::kFree) return false;
        next.generation = (next.generation + 1) & ChunkWord::kGenerationMask;
        // release: that the extent is taken. Pairs with the acquire in ChunkWriter::claim(). Without it a writer could
        // load this word, and then an extent's word from before it was taken, and claim what is punched.
        if (!Atomics::compare_exchange(word, seen, next.pack(), std::memory_order_release)) return false;
        moved(chunk, next);
        return true;
    }

    void leave(uint32_t extent, ExtentWord word) {
        // release: what was done to the memory. Pairs with the acquires in Segment::restore_extent() and in
        // Segment::take_back(). Without it a writer could populate the extent before it is punched.
        Atomics::store(segment_.extent_word(extent), word.pack(), std::memory_order_release);
        // release: the word before the count. Pairs with the acquire in Segment::freed_mark(): a writer that found
        // nothing meanwhile looks again.
        Atomics::fetch_add(segment_.control().freed, uint64_t{1}, std::memory_order_release);
    }

    SegmentView segment_;
    ExtentWord before_;  // of the extent that is taken
};

}  // namespace spanring::ring
