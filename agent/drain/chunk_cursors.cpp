// SPDX-License-Identifier: Apache-2.0
#include "drain/chunk_cursors.hpp"

#include <algorithm>
#include <utility>

#include "ring/atomics.hpp"

namespace spanring::agent {

ring::ChunkFault ChunkCursor::see(ring::ChunkWord word, uint32_t capacity, bool overwrite, bool& ret_begun) {
    ret_begun = false;
    if (known && word == seen) return ring::ChunkFault::kNone;
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

void ChunkCursors::extend(const ring::ExtentMap& extents) {
    if (version_ == extents.version()) return;
    version_ = extents.version();
    first_places_.resize(extents.rows(), kNoChunks);
    uint32_t before = kNoChunks;  // the extent of the chunk before
    extents.each_chunk([&](uint32_t chunk) {
        const uint32_t extent = chunk / ring::kChunksPerExtent;
        uint32_t& first_place = first_places_[ring::ExtentMap::row(extent)];
        if (extent != before && first_place != kNoChunks) return;
        if (extent != before) first_place = count();
        before = extent;
        chunks_.push_back(chunk);
    });
    cursors_.resize(chunks_.size());
    idle_words_.resize(chunks_.size(), kLook);
    is_used_.resize(chunks_.size(), false);
    all_next_ = true;
}

void ChunkCursors::make(uint32_t place) {
    cursors_[place] = std::make_unique<ChunkCursor>();
    if (idle_words_[place] == kLook) return;
    cursors_[place]->seen = ring::ChunkWord::unpack(idle_words_[place]);
    cursors_[place]->known = true;
}

void ChunkCursors::look_at_all() {
    std::fill(idle_words_.begin(), idle_words_.end(), kLook);
    all_next_ = true;
}

uint32_t ChunkCursors::begin_round(bool claims) {
    all_ = std::exchange(all_next_, false) || claims;
    if (all_) return count();
    std::erase_if(used_, [this](uint32_t place) {
        const uint64_t word = idle_words_[place];
        const bool in_use = word == kLook || moves_unclaimed(ring::ChunkWord::unpack(word).state);
        is_used_[place] = in_use;
        return !in_use;
    });
    next_used_ = 0;
    return used_in_round_ = static_cast<uint32_t>(used_.size());
}

// The word is only compared here; whoever looks at the chunk loads what is used.
bool ChunkCursors::is_idle(ring::SegmentView segment, uint32_t place) const {
    // relaxed: a word that changed is loaded again, with acquire, before anything follows from it.
    const uint64_t word = ring::StdAtomics::load(segment.chunk_line(chunks_[place]).word, std::memory_order_relaxed);
    return word == idle_words_[place] && word != kLook;
}

// What had nothing to do when the last round began is no more among those in use.
bool ChunkCursors::rest_in_use(ring::SegmentView segment) const {
    return !all_next_ && std::ranges::all_of(used_, [&](uint32_t place) { return is_idle(segment, place); });
}

// How many of all chunks from `first` on have nothing to do.
uint32_t ChunkCursors::idle_from(ring::SegmentView segment, uint32_t first, uint32_t count) const {
    for (uint32_t i = 0; i != count; ++i)
        if (!is_idle(segment, first + i)) return i;
    return count;
}

// The same of those in use.
uint32_t ChunkCursors::idle_in_use(ring::SegmentView segment, uint32_t first, uint32_t count) const {
    for (uint32_t i = 0; i != count; ++i)
        if (!is_idle(segment, used_[first + i])) return i;
    return count;
}

}  // namespace spanring::agent
