// SPDX-License-Identifier: Apache-2.0
//
// The agent's side of memory that goes back: an extent of chunks, all of which are FREE. One thread of the agent that
// holds the segment's lock, and only of a living process that said that it can make an extent whole again.
//
//     word whole -> GIVING    nobody claims a chunk of it any more whose word was loaded after this
//     each chunk FREE, on     by a generation: nobody claims one whose word was loaded before
//     punched                 by the caller; words, lines and marks lie outside of what goes
//     word GIVING -> EMPTY    and counts how often; a writer makes it whole (Segment::restore_extent())
//
// Killed in between: the word is GIVING, and the next agent goes on from there. Where a chunk turns out not to be FREE
// the word is whole again, and nothing happened but that some generations moved.
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

    // Takes an extent of chunks whose memory may go. Calls moved(chunk, word) for each chunk that is another generation
    // now, also where false is returned. True: the caller punches the extent, then calls finish(). False: one of them
    // is in use, or the extent is not to be had.
    template <class Moved>
    bool take(uint32_t extent, ExtentKind kind, Moved&& moved) {
        uint64_t& word = segment_.extent_word(extent);
        // relaxed: the exchange decides.
        const uint64_t seen = Atomics::load(word, std::memory_order_relaxed);
        ExtentWord giving = ExtentWord::unpack(seen);
        if (!ExtentWord::is_sound(seen) || giving.kind != kind || !holds_chunks(kind)) return false;
        if (giving.memory == ExtentMemory::kEmpty) return false;
        if (giving.memory == ExtentMemory::kWhole) {  // otherwise one that was killed had it
            uint64_t expected = seen;
            giving.memory = ExtentMemory::kGiving;
            // relaxed: it is published with the chunks, by the releases in move_on().
            if (!Atomics::compare_exchange(word, expected, giving.pack(), std::memory_order_relaxed)) return false;
            SPR_TESTPOINT(extent_giving);
        }
        for (uint32_t place = 0; place < parts_of(kind); ++place) {
            if (move_on(extent * kChunksPerExtent + place, moved)) continue;
            leave(extent, {kind, ExtentMemory::kWhole, giving.gives});
            return false;
        }
        SPR_TESTPOINT(extent_moved_on);
        gives_ = giving.gives;
        return true;
    }

    // Of the extent that take() returned true for: punched. False (no memory went): it is whole again.
    void finish(uint32_t extent, ExtentKind kind, bool punched) {
        leave(extent, {kind, punched ? ExtentMemory::kEmpty : ExtentMemory::kWhole, gives_ + punched});
        SPR_TESTPOINT(extent_emptied);
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
        // release: what was done to the memory. Pairs with the acquire in Segment::restore_extent(). Without it a
        // writer could populate the extent before it is punched.
        Atomics::store(segment_.extent_word(extent), word.pack(), std::memory_order_release);
        // release: the word before the count. Pairs with the acquire in Segment::freed_mark(): a writer that found
        // nothing meanwhile looks again.
        Atomics::fetch_add(segment_.control().freed, uint64_t{1}, std::memory_order_release);
    }

    SegmentView segment_;
    uint32_t gives_ = 0;
};

}  // namespace spanring::ring
