// SPDX-License-Identifier: Apache-2.0
//
// What a reader knows of a segment's extents: how many there are, and what each holds. Its own memory, filled from
// words that are loaded and checked once and compared ever after: nothing that a process writes later changes where the
// reader looks. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "ring/atomics.hpp"
#include "ring/extent_word.hpp"
#include "ring/segment_view.hpp"

namespace spanring::ring {

class ExtentMap {
public:
    explicit ExtentMap(uint32_t limit = 0) : limit_(limit) {}

    // Looks how many there are by now. False: more than there may be, fewer than before, or of no kind.
    template <class Atomics = StdAtomics>
    bool update(SegmentView segment) {
        // acquire: the words below it are there. Pairs with the release in Segment::take_extent(). Without it an extent
        // that is counted could be found unused, and a sound segment be quarantined.
        const uint32_t counted = Atomics::load(segment.writer().extents, std::memory_order_acquire);
        if (counted > limit_ || counted < count()) return false;
        for (uint32_t extent = count(); extent < counted; ++extent) {
            // acquire: the extent is populated. Pairs with the release in Segment::take_extent(). Spare as long as
            // whoever counts an extent has populated it as well; right without a look at that.
            const uint64_t word = Atomics::load(segment.extent_word(extent), std::memory_order_acquire);
            if (!ExtentWord::is_sound(word)) return false;
            kinds_.push_back(ExtentWord::unpack(word).kind);
        }
        return true;
    }
    // Takes in what can be believed of a damaged segment: the first `count` words, and unused where one is unsound.
    void salvage(SegmentView segment, uint32_t count) {
        kinds_.clear();
        for (uint32_t extent = 0; extent < count; ++extent) {
            const uint64_t word = segment.extent_word(extent);
            kinds_.push_back(ExtentWord::is_sound(word) ? ExtentWord::unpack(word).kind : ExtentKind::kNone);
        }
    }

    uint32_t count() const { return static_cast<uint32_t>(kinds_.size()); }
    uint32_t limit() const { return limit_; }
    ExtentKind kind(uint32_t extent) const { return extent < count() ? kinds_[extent] : ExtentKind::kNone; }

    bool has_slot(uint32_t slot) const { return kind(slot / kSlotsPerExtent) == ExtentKind::kSlots; }
    bool has_block(uint32_t block) const { return kind(block / kBlocksPerExtent) == ExtentKind::kBlocks; }
    bool has_chunk(uint32_t chunk) const { return chunk % kChunksPerExtent < chunks_in(chunk / kChunksPerExtent); }
    uint32_t chunks_in(uint32_t extent) const { return holds_chunks(kind(extent)) ? parts_of(kind(extent)) : 0; }
    // Of a chunk that is there.
    uint32_t chunk_capacity(uint32_t chunk) const { return part_size(kind(chunk / kChunksPerExtent)); }

    template <class Visit>
    void each_chunk(Visit&& visit) const {
        for (uint32_t extent = 0; extent < count(); ++extent)
            for (uint32_t place = 0; place < chunks_in(extent); ++place) visit(extent * kChunksPerExtent + place);
    }
    template <class Visit>
    void each_slot(Visit&& visit) const {
        for (uint32_t extent = 0; extent < count(); ++extent) {
            if (kinds_[extent] != ExtentKind::kSlots) continue;
            for (uint32_t place = 0; place < kSlotsPerExtent; ++place) visit(extent * kSlotsPerExtent + place);
        }
    }

private:
    uint32_t limit_ = 0;
    std::vector<ExtentKind> kinds_;
};

}  // namespace spanring::ring
