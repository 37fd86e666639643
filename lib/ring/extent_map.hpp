// SPDX-License-Identifier: Apache-2.0
//
// What a reader knows of a segment's extents: how many there are, and what each holds. Its own memory, filled from
// words that are loaded and checked once: nothing that a process writes later changes where the reader looks, but for
// an extent of open spans that becomes one of something else, and for that only update() looks, and memory that went
// and came again. One thread.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "ring/atomics.hpp"
#include "ring/chunk_word.hpp"
#include "ring/extent_word.hpp"
#include "ring/segment_view.hpp"

namespace spanring::ring {

class ExtentMap {
public:
    explicit ExtentMap(uint32_t limit = 0) : limit_(limit) {}

    // Looks how many there are by now, and which got another kind. False: more than there may be, fewer than before, or
    // of no kind.
    template <class Atomics = StdAtomics>
    bool update(SegmentView segment) {
        // acquire: the words of those that were turned. Pairs with the release in Segment::turn_extent(). Without it
        // the number could be noted, the older word be read, and a chunk not be found.
        const uint64_t turned = Atomics::load(segment.writer().turned, std::memory_order_acquire);
        const bool look_again = turned != turned_;
        turned_ = turned;
        // acquire: the words below it are there. Pairs with the release in Segment::take_extent(). Without it an extent
        // that is counted could be found unused, and a sound segment be quarantined.
        const uint32_t counted = Atomics::load(segment.writer().extents, std::memory_order_acquire);
        if (counted > limit_ || counted < count()) return false;
        const uint32_t known = count();
        version_ += look_again || counted != known;
        kinds_.resize(counted);
        for (uint32_t extent = look_again ? 0 : known; extent < counted; ++extent) {
            if (holds_chunks(kinds_[extent])) continue;
            // acquire: the extent is populated. Pairs with the release in Segment::take_extent(). Spare as long as
            // whoever counts an extent has populated it as well; right without a look at that.
            const uint64_t word = Atomics::load(segment.extent_word(extent), std::memory_order_acquire);
            if (!ExtentWord::is_sound(word)) return false;
            note(extent, ExtentWord::unpack(word));
            if (chunks_in(extent) != 0 && ExtentWord::unpack(word).memory == ExtentMemory::kEmpty)
                memory_went(extent, free_chunks<Atomics>(segment, extent));
        }
        return true;
    }
    // Of a dead process: also what it turned and did not come to say.
    template <class Atomics = StdAtomics>
    bool update_finally(SegmentView segment) {
        turned_ = ~uint64_t{0};
        return update<Atomics>(segment);
    }
    // Takes in what can be believed of a damaged segment: the first `count` words, and unused where one is unsound.
    void salvage(SegmentView segment, uint32_t count) {
        went_.clear();
        kinds_.assign(count, ExtentKind::kNone);
        for (uint32_t extent = 0; extent < count; ++extent) {
            const uint64_t word = segment.extent_word(extent);
            if (ExtentWord::is_sound(word)) note(extent, ExtentWord::unpack(word));
        }
    }

    uint32_t count() const { return static_cast<uint32_t>(kinds_.size()); }
    uint32_t limit() const { return limit_; }
    uint32_t version() const { return version_; }  // another one where something may be new; 0: nothing is known yet
    ExtentKind kind(uint32_t extent) const { return extent < count() ? kinds_[extent] : ExtentKind::kNone; }

    bool has_slot(uint32_t slot) const {
        return has_slots(slot / kSlotNumbers) && slot % kSlotNumbers < kSlotsPerExtent;
    }
    // A block of that class.
    bool has_block(uint32_t block, uint32_t block_class) const {
        const ExtentKind kind = kind_of_blocks(block_class);
        const uint32_t extent = block / kBlockNumbers;
        return this->kind(extent) == kind && went(extent) == 0 && block % part_numbers(kind) == 0;
    }
    bool has_chunk(uint32_t chunk) const { return chunk % kChunksPerExtent < chunks_in(chunk / kChunksPerExtent); }
    uint32_t chunks_in(uint32_t extent) const { return holds_chunks(kind(extent)) ? parts_of(kind(extent)) : 0; }
    // Of a chunk that is there.
    uint32_t chunk_capacity(uint32_t chunk) const { return part_size(kind(chunk / kChunksPerExtent)); }

    // Chunks may be without memory: those that were FREE in an empty extent when it was first seen, and those that the
    // reader gave back. Such a one is not read.
    bool has_memory(uint32_t chunk) const {
        const uint32_t extent = chunk / kChunksPerExtent;
        return extent >= went_.size() || (went_[extent] >> chunk % kChunksPerExtent & 1) == 0;
    }
    uint64_t bytes_without_memory() const { return bytes_without_memory_; }
    static constexpr uint32_t kAll = 0xffff;  // of an extent of slots or blocks, whose memory goes as a whole
    void memory_went(uint32_t extent, uint32_t places) { set_went(extent, went(extent) | places); }
    // Looks whether a writer has made its extent whole meanwhile.
    template <class Atomics = StdAtomics>
    bool look_for_memory(SegmentView segment, uint32_t chunk) {
        const uint32_t extent = chunk / kChunksPerExtent;
        // relaxed: the word of a chunk that says that there is something to read was acquired before, and its writer
        // acquired this one.
        const uint64_t word = Atomics::load(segment.extent_word(extent), std::memory_order_relaxed);
        if (ExtentWord::unpack(word).memory == ExtentMemory::kWhole) set_went(extent, 0);
        return has_memory(chunk);
    }

    template <class Visit>
    void each_chunk(Visit&& visit) const {
        for (uint32_t extent = 0; extent < count(); ++extent)
            for (uint32_t place = 0; place < chunks_in(extent); ++place) visit(extent * kChunksPerExtent + place);
    }
    template <class Visit>
    void each_slot(Visit&& visit) const {
        for (uint32_t extent = 0; extent < count(); ++extent) {
            if (!has_slots(extent)) continue;
            for (uint32_t place = 0; place < kSlotsPerExtent; ++place) visit(extent * kSlotNumbers + place);
        }
    }

private:
    // Slots and blocks that nobody uses are free, whatever lies there, and have no memory sooner or later.
    void note(uint32_t extent, ExtentWord word) {
        set_went(extent, 0);
        kinds_[extent] = word.kind;
        if (!holds_chunks(word.kind) && word.memory != ExtentMemory::kWhole) set_went(extent, kAll);
    }
    bool has_slots(uint32_t extent) const { return kind(extent) == ExtentKind::kSlots && went(extent) == 0; }
    template <class Atomics>
    uint32_t free_chunks(SegmentView segment, uint32_t extent) const {
        uint32_t places = 0;
        for (uint32_t place = 0; place < chunks_in(extent); ++place) {
            const ChunkLine& line = segment.chunk_line(extent * kChunksPerExtent + place);
            // relaxed: nothing is read because of it.
            const ChunkWord word = ChunkWord::unpack(Atomics::load(line.word, std::memory_order_relaxed));
            if (word.state == ChunkState::kFree) places |= uint32_t{1} << place;
        }
        return places;
    }
    uint32_t went(uint32_t extent) const { return extent < went_.size() ? went_[extent] : 0; }
    void set_went(uint32_t extent, uint32_t places) {
        if (places == went(extent)) return;
        if (extent >= went_.size()) went_.resize(extent + 1);
        const int more = std::popcount(places) - std::popcount(uint32_t{went_[extent]});
        const uint64_t each = chunks_in(extent) != 0 ? part_size(kind(extent)) : kExtentSize / std::popcount(kAll);
        bytes_without_memory_ += static_cast<int64_t>(more) * static_cast<int64_t>(each);
        went_[extent] = static_cast<uint16_t>(places);
    }

    uint32_t limit_ = 0;
    uint32_t version_ = 0;
    uint64_t turned_ = 0;  // WriterPage::turned as last seen
    std::vector<ExtentKind> kinds_;
    std::vector<uint16_t> went_;  // of each extent, as far as one did: chunks whose memory went, by place; or kAll
    uint64_t bytes_without_memory_ = 0;
};

}  // namespace spanring::ring
