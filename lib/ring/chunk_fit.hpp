// SPDX-License-Identifier: Apache-2.0
//
// How well spans of one size fill a chunk, where `bytes` is what each asks for: its record, and one that says whose it
// is.
#pragma once

#include <cstdint>

#include "ring/chunk_word.hpp"
#include "ring/layout.hpp"

namespace spanring::ring {

// That a chunk's word counts. Of a huge place no more is used than these may need (ChunkWriter::widen()).
inline constexpr uint32_t kMostSpansInChunk = (1u << 11) - 1;

// How much of a chunk of so many bytes records of that size leave unused at its end, where each has room for the one
// that says whose spans follow (LevelWriter::make_room()).
constexpr uint32_t rest_of(uint32_t chunk, uint32_t bytes) {
    const uint32_t record = bytes - kScopeRecordSize, all = chunk - 2 * kScopeRecordSize;
    return all < record ? 0 : all % record;  // the first one has room for its own alone
}

// Whether spans of that size leave more than an eighth of such a chunk unused.
constexpr bool fits_worse(uint32_t bytes, uint32_t chunk) {
    return bytes > kLargeChunk / 8 && rest_of(chunk, bytes) > chunk / 8;
}

}  // namespace spanring::ring
