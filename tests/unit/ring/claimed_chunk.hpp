// SPDX-License-Identifier: Apache-2.0
//
// Chunks claimed and filled by hand, as writer 1.
#pragma once

#include <cstdint>

#include "ring/segment.hpp"
#include "support/open_segment.hpp"

namespace spanring::test {

using Writer = ring::ChunkWriter<>;

inline constexpr uint32_t kMe = 1;

// False: the ring is full.
inline bool attach(OpenSegment& segment, Writer& writer, uint32_t bytes, bool first = false) {
    ring::Loss loss;
    return segment->attach_chunk(writer, bytes, first, kMe, loss);
}

// A number that stands for `bytes` committed in one record.
inline void fill(Writer& writer, uint32_t bytes) { writer.commit(writer.next(bytes, 1)); }

}  // namespace spanring::test
