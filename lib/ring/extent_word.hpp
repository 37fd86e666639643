// SPDX-License-Identifier: Apache-2.0
//
// What an extent is used for: one atomic word each, in a table of their own. Taken by an exchange of "none", and
// counted in WriterPage::extents after that; a word that is not counted yet says nothing. One that holds chunks keeps
// them; one of open spans in which nothing is used any more may get another kind, and WriterPage::turned says so. Its
// memory, and that of the free chunks of any, may be given back (ExtentGiver), and come again (Segment::turn_extent(),
// Segment::restore_extent()).
#pragma once

#include <cstdint>

#include "ring/layout.hpp"

namespace spanring::ring {

enum class ExtentKind : uint32_t {
    kNone = 0,      // nobody has taken it
    kSlots = 1,     // open spans
    kBlocks2K = 2,  // more room for them, in blocks of one size
    kBlocks4K = 3,
    kBlocks16K = 4,
    kBlocks64K = 5,
    kSmallChunks = 6,  // finished spans, in chunks of one size
    kLargeChunks = 7,
    kJumboChunks = 8,
    kHugeBlock = 9,   // a huge place: more room for one open span
    kHugeChunk = 10,  // and a single finished one
};
inline constexpr uint32_t kExtentKinds = 9;  // that an extent may be of; those of huge places come after
inline constexpr uint32_t kLeastExtents =
    6;  // that a segment should have: one of each kind, of blocks of one class, and one of any

constexpr ExtentKind kind_of_blocks(uint32_t block_class) {
    return static_cast<ExtentKind>(static_cast<uint32_t>(ExtentKind::kBlocks2K) + block_class - 1);
}
constexpr bool holds_blocks(ExtentKind kind) { return kind >= ExtentKind::kBlocks2K && kind <= ExtentKind::kBlocks64K; }
constexpr bool holds_chunks(ExtentKind kind) {
    return (kind >= ExtentKind::kSmallChunks && kind <= ExtentKind::kJumboChunks) || kind == ExtentKind::kHugeChunk;
}
constexpr ExtentKind kind_of_huge(uint32_t place) {
    return place < kHugeBlocks ? ExtentKind::kHugeBlock : ExtentKind::kHugeChunk;
}

// Bytes of each part; 0 of an extent that nobody has taken, and of huge places, whose number says it (size_of()).
constexpr uint32_t part_size(ExtentKind kind) {
    switch (kind) {
        case ExtentKind::kSlots: return kSlotSize;
        case ExtentKind::kBlocks2K: return block_size(1);
        case ExtentKind::kBlocks4K: return block_size(2);
        case ExtentKind::kBlocks16K: return block_size(3);
        case ExtentKind::kBlocks64K: return block_size(4);
        case ExtentKind::kSmallChunks: return kSmallChunk;
        case ExtentKind::kLargeChunks: return kLargeChunk;
        case ExtentKind::kJumboChunks: return kJumboChunk;
        case ExtentKind::kNone:
        case ExtentKind::kHugeBlock:
        case ExtentKind::kHugeChunk: break;
    }
    return 0;
}
constexpr uint32_t parts_of(ExtentKind kind) {
    if (kind > ExtentKind::kJumboChunks) return 1;
    return part_size(kind) == 0 ? 0 : static_cast<uint32_t>(kExtentSize / part_size(kind));
}
// Of an extent or a huge place.
constexpr uint32_t size_of(uint32_t extent) {
    return extent < kFirstHuge ? kExtentSize : huge_size(extent - kFirstHuge);
}
// Bytes of each of its parts.
constexpr uint32_t part_size(uint32_t extent, ExtentKind kind) {
    return extent < kFirstHuge ? part_size(kind) : huge_size(extent - kFirstHuge);
}
// How far the numbers of its parts are apart.
constexpr uint32_t part_numbers(ExtentKind kind) { return holds_blocks(kind) ? part_size(kind) / kBlockUnit : 1; }

enum class ExtentMemory : uint32_t {
    kWhole = 0,   // populated
    kGiving = 1,  // whoever has the agent's lock has taken it, to give its memory back
    kEmpty = 2,   // there is none
    kUnused = 3,  // of slots and blocks: populated, and nobody uses it
};

struct ExtentWord {
    ExtentKind kind = ExtentKind::kNone;
    ExtentMemory memory = ExtentMemory::kWhole;
    uint32_t gives = 0;  // how often its memory went; of slots and blocks also how often it became unused

    // Bits: 0-7 kind, 8-15 memory, 32-63 gives; the others are reserved, and zero.
    constexpr uint64_t pack() const {
        return static_cast<uint32_t>(kind) | static_cast<uint32_t>(memory) << 8 | uint64_t{gives} << 32;
    }
    static constexpr ExtentWord unpack(uint64_t word) {
        return {static_cast<ExtentKind>(word & 0xff), static_cast<ExtentMemory>(word >> 8 & 0xff),
                static_cast<uint32_t>(word >> 32)};
    }
    // Whether it says what an extent that is counted, or a huge place, is used for.
    static constexpr bool is_sound(uint64_t word, uint32_t number) {
        const ExtentWord extent = unpack(word);
        const ExtentMemory last = holds_chunks(extent.kind) ? ExtentMemory::kEmpty : ExtentMemory::kUnused;
        const bool kind = number < kFirstHuge
                              ? extent.kind != ExtentKind::kNone && static_cast<uint32_t>(extent.kind) < kExtentKinds
                              : extent.kind == kind_of_huge(number - kFirstHuge);
        return kind && extent.memory <= last && extent.pack() == word;
    }
};

}  // namespace spanring::ring
