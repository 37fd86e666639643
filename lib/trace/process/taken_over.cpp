// SPDX-License-Identifier: Apache-2.0
#include "trace/process/taken_over.hpp"

#include "ring/chunk_reader.hpp"

namespace spanring::trace {

using ring::StdAtomics;

bool everything_is_taken_over(ring::SegmentView segment) {
    // acquire: the extents that a chunk of a span that has ended lies in. Pairs with the release in Segment::grow().
    // Without it a thread that is told of the end by other means could pass over its chunk.
    const uint32_t extents = StdAtomics::load(segment.writer().extents, std::memory_order_acquire);
    for (uint32_t chunk = 0; chunk < extents * ring::kChunksPerExtent; ++chunk) {
        // The word before the mark: a mark never goes back within a generation, and one of another says nothing.
        const ring::ChunkWord word = ring::ChunkReader<>::committed(segment.chunk_line(chunk));
        uint32_t length, spans;
        if (word.spans != 0 &&
            (!ring::acknowledged_part(ring::ChunkReader<>::mark(segment, chunk), word, length, spans) ||
             spans != word.spans))
            return false;
    }
    // acquire: the totals of the marks above, which the agent stores between a mark and this. Pairs with the release in
    // AckBook::disarm(). Without it the statistics could be read from before.
    return StdAtomics::load(segment.control().journal.armed, std::memory_order_acquire) == 0;
}

}  // namespace spanring::trace
