// SPDX-License-Identifier: Apache-2.0
//
// The two atomic words of the protocol, unpacked. A ChunkWord carries everything that is true of a chunk at one
// instant; a mark (what the agent has acknowledged) has the same shape, with state kFree.
#pragma once

#include <cstdint>

#include "ring/layout.hpp"

namespace spanring::ring {

enum class ChunkState : uint32_t {
    kFree = 0,      // nobody's
    kOpen = 1,      // one thread of the process appends
    kParked = 2,    // open, but its thread left: the next thread of the process may adopt it
    kFull = 3,      // complete: the agent's to free, or, when overwriting, anybody's to take
    kTaken = 4,     // overwrite mode: the agent won it against the writers and reads it
    kEvicting = 5,  // overwrite mode: a writer won it and is about to overwrite it; until then it is still complete
};

// Whether nothing more will come into the chunk. An EVICTING one is its writer's while that lives, and reads like a
// FULL one once it is dead.
constexpr bool is_complete(ChunkState state) {
    return state == ChunkState::kFull || state == ChunkState::kTaken || state == ChunkState::kEvicting;
}

struct ChunkWord {
    ChunkState state = ChunkState::kFree;
    uint32_t generation = 0;  // 27 bits; one more at each claim
    uint32_t length = 0;      // 22 bits; committed bytes
    uint32_t spans = 0;       // 11 bits; committed spans

    static constexpr uint32_t kGenerationMask = (1u << 27) - 1;

    // Bits: 0-21 length, 22-32 spans, 33-59 generation, 60-63 state.
    constexpr uint64_t pack() const {
        return uint64_t{length} | uint64_t{spans} << 22 | uint64_t{generation} << 33 |
               uint64_t{static_cast<uint32_t>(state)} << 60;
    }
    static constexpr ChunkWord unpack(uint64_t word) {
        return {static_cast<ChunkState>(word >> 60), static_cast<uint32_t>(word >> 33) & kGenerationMask,
                static_cast<uint32_t>(word) & 0x3fffff, static_cast<uint32_t>(word >> 22) & 0x7ff};
    }
    // The word of a chunk that has so much more. Nothing is carried: what is added fits into the chunk.
    static constexpr uint64_t longer(uint64_t word, uint32_t bytes, uint32_t spans) {
        return word + bytes + (uint64_t{spans} << 22);
    }
    constexpr bool operator==(const ChunkWord& other) const { return pack() == other.pack(); }
};

struct SlotWord {
    SlotState state = SlotState::kFree;
    uint32_t place = 0;   // 8 bits; where the data is, of kPlaces
    uint32_t length = 0;  // 24 bits; committed bytes of data

    // Bits: 0-23 length, 24-31 place, 32-39 state.
    constexpr uint64_t pack() const {
        return uint64_t{length} | uint64_t{place} << 24 | uint64_t{static_cast<uint32_t>(state)} << 32;
    }
    static constexpr SlotWord unpack(uint64_t word) {
        return {static_cast<SlotState>((word >> 32) & 0xff), static_cast<uint32_t>(word >> 24) & 0xff,
                static_cast<uint32_t>(word) & 0xffffff};
    }
    static constexpr uint64_t longer(uint64_t word, uint32_t bytes) { return word + bytes; }  // as above
    constexpr bool operator==(const SlotWord& other) const { return pack() == other.pack(); }
};

// The smallest record of a span (tag, length, trace id, span id, start, end) bounds the number of spans in a chunk.
inline constexpr uint32_t kSmallestSpanRecord = 2 + 18 + 10 + 9 + 9;
static_assert(kJumboChunk / kSmallestSpanRecord < (1u << 11), "of a huge place no more is used: widen()");
static_assert(huge_size(kHugePlaces - 1) < (1u << 22) && kPlaces < (1u << 8));

}  // namespace spanring::ring
