// SPDX-License-Identifier: Apache-2.0
//
// What an extent is used for: one atomic word each, in a table of their own. Taken by an exchange of "none", and final
// from then on; counted in WriterPage::extents after that. A word that is not counted yet says nothing.
#pragma once

#include <cstdint>

#include "ring/layout.hpp"

namespace spanring::ring {

enum class ExtentKind : uint32_t {
    kNone = 0,         // nobody has taken it
    kSlots = 1,        // open spans
    kBlocks = 2,       // more room for them
    kSmallChunks = 3,  // finished spans, in chunks of one size
    kLargeChunks = 4,
    kJumboChunks = 5,
};
inline constexpr uint32_t kExtentKinds = 6;
inline constexpr uint32_t kLeastExtents = 6;  // that a segment should have: one of each kind, and one of any

// Bytes of each part; 0 of an extent that nobody has taken.
constexpr uint32_t part_size(ExtentKind kind) {
    switch (kind) {
        case ExtentKind::kSlots: return kSlotSize;
        case ExtentKind::kBlocks: return kBlockSize;
        case ExtentKind::kSmallChunks: return kSmallChunk;
        case ExtentKind::kLargeChunks: return kLargeChunk;
        case ExtentKind::kJumboChunks: return kJumboChunk;
        case ExtentKind::kNone: break;
    }
    return 0;
}
constexpr uint32_t parts_of(ExtentKind kind) {
    return part_size(kind) == 0 ? 0 : static_cast<uint32_t>(kExtentSize / part_size(kind));
}
constexpr bool holds_chunks(ExtentKind kind) { return kind >= ExtentKind::kSmallChunks; }

struct ExtentWord {
    ExtentKind kind = ExtentKind::kNone;

    // Bits: 0-7 kind; the others are reserved, and zero.
    constexpr uint64_t pack() const { return static_cast<uint32_t>(kind); }
    static constexpr ExtentWord unpack(uint64_t word) { return {static_cast<ExtentKind>(word & 0xff)}; }
    // Whether it says what an extent that is counted is used for.
    static constexpr bool is_sound(uint64_t word) { return word != 0 && word < kExtentKinds; }
};

}  // namespace spanring::ring
