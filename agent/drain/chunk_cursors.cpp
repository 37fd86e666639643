// SPDX-License-Identifier: Apache-2.0
#include "drain/chunk_cursors.hpp"

#include <algorithm>

#include "ring/atomics.hpp"

namespace spanring::agent {

ring::ChunkFault ChunkCursor::see(ring::ChunkWord word, uint32_t chunk, bool overwrite, bool& ret_begun) {
    ret_begun = false;
    if (known && word == seen) return ring::ChunkFault::kNone;
    const uint32_t capacity = ring::chunk_capacity(chunk);
    const ring::ChunkFault fault =
        known ? check_transition(seen, word, capacity, overwrite) : check_word(word, capacity, overwrite);
    if (fault != ring::ChunkFault::kNone) return fault;
    ret_begun = !known || word.generation != seen.generation;
    seen = word;
    known = true;
    return fault;
}

void ChunkCursor::restart(uint32_t length, uint32_t spans) {
    retired = false;
    read = length;
    read_spans = spans;
    scope = kNoScope;
    receipt = {};
    low.reset(length, spans);
}

void ChunkCursors::resize(uint32_t extents) {
    cursors_.resize(size_t{extents} * ring::kChunksPerExtent);
    idle_words_.resize(cursors_.size(), kLook);
}

void ChunkCursors::look_at_all() { std::fill(idle_words_.begin(), idle_words_.end(), kLook); }

// How many of the chunks from `first` on have nothing to do. The word is only compared here; whoever looks at the chunk
// loads what is used.
uint32_t ChunkCursors::idle_from(ring::SegmentView segment, uint32_t first, uint32_t count) const {
    uint32_t chunk = first;
    for (const uint32_t end = first + count; chunk != end;) {
        const uint32_t stop = std::min(end, chunk + ring::kChunksPerExtent - chunk % ring::kChunksPerExtent);
        const ring::ChunkLine* line = &segment.chunk_line(chunk);
        for (; chunk != stop; ++chunk, ++line) {
            // relaxed: a word that changed is loaded again, with acquire, before anything follows from it.
            const uint64_t word = ring::StdAtomics::load(line->word, std::memory_order_relaxed);
            if (word != idle_words_[chunk] || word == kLook) return chunk - first;
        }
    }
    return count;
}

}  // namespace spanring::agent
