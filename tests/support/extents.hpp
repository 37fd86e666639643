// SPDX-License-Identifier: Apache-2.0
//
// Where the parts of a segment are, for a test that looks at one which its own process, or a dead one, made.
#pragma once

#include <cstdint>

#include "ring/atomics.hpp"
#include "ring/extent_map.hpp"
#include "ring/extent_word.hpp"
#include "ring/segment_view.hpp"

namespace spanring::test {

// As it is now.
inline ring::ExtentMap extents_of(ring::SegmentView segment) {
    ring::ExtentMap extents(ring::kMaxExtents, segment.header().huge_places != 0);
    extents.update(segment);
    return extents;
}

// Every chunk that there is now, without any memory: for tests that forbid to allocate some.
template <class Visit>
void each_chunk(ring::SegmentView segment, Visit&& visit) {
    const uint32_t count = ring::StdAtomics::load(segment.writer().extents, std::memory_order_acquire);
    for (uint32_t extent = 0; extent < count; ++extent) {
        const uint64_t word = ring::StdAtomics::load(segment.extent_word(extent), std::memory_order_acquire);
        const ring::ExtentKind kind = ring::ExtentWord::unpack(word).kind;
        for (uint32_t place = 0; ring::holds_chunks(kind) && place < ring::parts_of(kind); ++place)
            visit(extent * ring::kChunksPerExtent + place);
    }
    const uint64_t huge = ring::StdAtomics::load(segment.writer().huge, std::memory_order_acquire);
    for (uint32_t place = ring::kHugeBlocks; place < ring::kHugePlaces; ++place)
        if ((huge >> place & 1) != 0) visit((ring::kFirstHuge + place) * ring::kChunksPerExtent);
}

inline uint8_t* chunk_bytes(ring::SegmentView segment, uint32_t chunk) {
    return segment.chunk_bytes(chunk, extents_of(segment).chunk_capacity(chunk));
}

}  // namespace spanring::test
