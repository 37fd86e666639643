// SPDX-License-Identifier: Apache-2.0
#include "trace/process/taken_over.hpp"

#include "ring/chunk_reader.hpp"

namespace spanring::trace {

using ring::StdAtomics;

bool everything_is_taken_over(const ring::Segment& segment) {
    const ring::SegmentView view = segment.view();
    bool all = true;
    segment.each_chunk([&](uint32_t chunk) {
        // The word before the mark: a mark never goes back within a generation, and one of another says nothing.
        const ring::ChunkWord word = ring::ChunkReader<>::committed(view.chunk_line(chunk));
        uint32_t length, spans;
        if (word.spans != 0 && (!ring::acknowledged_part(ring::ChunkReader<>::mark(view, chunk), word, length, spans) ||
                                spans != word.spans))
            all = false;
    });
    if (!all) return false;
    // acquire: the totals of the marks above, which the agent stores between a mark and this. Pairs with the release in
    // AckBook::disarm(). Without it the statistics could be read from before.
    return StdAtomics::load(view.control().journal.armed, std::memory_order_acquire) == 0;
}

}  // namespace spanring::trace
