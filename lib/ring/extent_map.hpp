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
    // `huge`: there are huge places.
    explicit ExtentMap(uint32_t limit = 0, bool huge = false) : limit_(limit), has_huge_(huge) {}
    explicit ExtentMap(const Header& header) : ExtentMap(header.extent_limit, header.huge_places != 0) {}

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
        // acquire: the words of these places are there. Pairs with the release in Segment::begin_huge(). Without it one
        // could be found of no kind, and a sound segment be quarantined.
        const uint64_t huge = Atomics::load(segment.writer().huge, std::memory_order_acquire);
        if (!may_have_huge(huge) || (huge & huge_) != huge_) return false;
        version_ += look_again || counted != known || huge != huge_;
        if (!update_huge<Atomics>(segment, static_cast<uint32_t>(huge), look_again)) return false;
        kinds_.resize(counted);
        for (uint32_t extent = look_again ? 0 : known; extent < counted; ++extent) {
            if (holds_chunks(kinds_[extent])) continue;
            // acquire: the extent is populated. Pairs with the release in Segment::take_extent(). Spare as long as
            // whoever counts an extent has populated it as well; right without a look at that.
            const uint64_t word = Atomics::load(segment.extent_word(extent), std::memory_order_acquire);
            if (!ExtentWord::is_sound(word, extent)) return false;
            note(extent, ExtentWord::unpack(word));
            if (chunks_in(extent) != 0 && ExtentWord::unpack(word).memory == ExtentMemory::kEmpty)
                memory_went(extent, free_chunks<Atomics>(segment, extent));
        }
        return true;
    }
    // Of slots and blocks that nobody used the process uses some again, which it counts nowhere: before a look at open
    // spans.
    template <class Atomics = StdAtomics>
    void look_for_slots(SegmentView segment) {
        for (uint32_t extent = 0; extent < count(); ++extent) {
            if (holds_chunks(kinds_[extent]) || went(extent) == 0) continue;
            // relaxed: as Segment::take_back() writes it. What is in the slots their words publish, which are acquired;
            // and whoever acquired a span that ended after one was opened here sees this word as well.
            const ExtentWord word =
                ExtentWord::unpack(Atomics::load(segment.extent_word(extent), std::memory_order_relaxed));
            if (word.kind == kinds_[extent] && word.memory == ExtentMemory::kWhole) set_went(extent, 0);
        }
        for (uint32_t extent = kFirstHuge; extent < kFirstHuge + kHugeBlocks; ++extent) {
            if (!is_huge(extent) || went(extent) == 0) continue;
            // relaxed: likewise, as Segment::make_huge_whole() writes it.
            const ExtentWord word =
                ExtentWord::unpack(Atomics::load(segment.extent_word(extent), std::memory_order_relaxed));
            if (word.kind == ExtentKind::kHugeBlock && word.memory == ExtentMemory::kWhole) set_went(extent, 0);
        }
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
        bytes_without_memory_ = 0;
        kinds_.assign(count, ExtentKind::kNone);
        for (uint32_t extent = 0; extent < count; ++extent) {
            const uint64_t word = segment.extent_word(extent);
            if (ExtentWord::is_sound(word, extent)) note(extent, ExtentWord::unpack(word));
        }
        huge_ = huge_went_ = 0;
        for (uint32_t place = 0; has_huge_ && place < kHugePlaces; ++place) {
            const uint64_t word = segment.extent_word(kFirstHuge + place);
            if ((segment.writer().huge >> place & 1) == 0 || !ExtentWord::is_sound(word, kFirstHuge + place)) continue;
            huge_ |= uint32_t{1} << place;
            note_huge(place, ExtentWord::unpack(word));
        }
    }

    uint32_t count() const { return static_cast<uint32_t>(kinds_.size()); }
    uint32_t limit() const { return limit_; }
    uint32_t version() const { return version_; }  // another one where something may be new; 0: nothing is known yet
    ExtentKind kind(uint32_t extent) const {
        if (is_huge(extent)) return kind_of_huge(extent - kFirstHuge);
        return extent < count() ? kinds_[extent] : ExtentKind::kNone;
    }
    // Of each extent and huge place a number of its own, below rows().
    static constexpr uint32_t row(uint32_t extent) {
        return extent < kFirstHuge ? kHugePlaces + extent : extent - kFirstHuge;
    }
    uint32_t rows() const { return kHugePlaces + count(); }
    // Where it is in the file.
    uint64_t offset_of(uint32_t extent) const {
        return extent < kFirstHuge ? extent_offset(extent) : segment_size(limit_) + huge_offset(extent - kFirstHuge);
    }
    uint64_t chunk_bytes_offset(uint32_t chunk) const {
        return offset_of(chunk / kChunksPerExtent) + uint64_t{chunk % kChunksPerExtent} * chunk_capacity(chunk);
    }
    uint64_t huge_bytes() const { return uint64_t{extents_of_huge(huge_)} * kExtentSize; }
    // Every huge place there is, then every extent, each from the last one down. Until `visit` says false.
    template <class Visit>
    void each_downwards(Visit&& visit) const {
        for (uint32_t place = kHugePlaces; place-- > 0;)
            if (is_huge(kFirstHuge + place) && !visit(kFirstHuge + place)) return;
        for (uint32_t extent = count(); extent-- > 0;)
            if (!visit(extent)) return;
    }

    bool has_slot(uint32_t slot) const {
        return has_slots(slot / kSlotNumbers) && slot % kSlotNumbers < kSlotsPerExtent;
    }
    // A block of that class.
    bool has_block(uint32_t block, uint32_t block_class) const {
        const ExtentKind kind = kind_of_blocks(block_class);
        const uint32_t extent = block / kBlockNumbers;
        return this->kind(extent) == kind && went(extent) == 0 && block % part_numbers(kind) == 0;
    }
    bool has_huge(uint32_t place) const { return place < kHugePlaces && is_huge(kFirstHuge + place); }
    bool has_huge_block(uint32_t place) const {
        return place < kHugeBlocks && is_huge(kFirstHuge + place) && went(kFirstHuge + place) == 0;
    }
    bool has_chunk(uint32_t chunk) const { return chunk % kChunksPerExtent < chunks_in(chunk / kChunksPerExtent); }
    uint32_t chunks_in(uint32_t extent) const { return holds_chunks(kind(extent)) ? parts_of(kind(extent)) : 0; }
    // Of a chunk that is there.
    uint32_t chunk_capacity(uint32_t chunk) const {
        const uint32_t extent = chunk / kChunksPerExtent;
        return part_size(extent, kind(extent));
    }

    // Chunks may be without memory: those that were FREE in an empty extent when it was first seen, and those that the
    // reader gave back. Such a one is not read.
    bool has_memory(uint32_t chunk) const {
        return (went(chunk / kChunksPerExtent) >> chunk % kChunksPerExtent & 1) == 0;
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
        for (uint32_t place = kHugeBlocks; place < kHugePlaces; ++place)
            if (is_huge(kFirstHuge + place)) visit((kFirstHuge + place) * kChunksPerExtent);
    }
    template <class Visit>
    void each_slot(Visit&& visit) const {
        for (uint32_t extent = 0; extent < count(); ++extent) {
            const uint32_t slots = slots_in(extent);
            for (uint32_t place = 0; place < slots; ++place) visit(extent * kSlotNumbers + place);
        }
    }
    // Slots of an extent that each_slot() visits.
    uint32_t slots_in(uint32_t extent) const {
        if (!has_slots(extent)) return 0;
        return extent < used_slots_.size() ? used_slots_[extent] : kSlotsPerExtent;
    }
    // Of a dead process: the slots of an extent from the `count`th on are free, for nobody ever wrote there.
    void only_slots_below(uint32_t extent, uint32_t count) {
        if (count >= slots_in(extent)) return;
        if (extent >= used_slots_.size()) used_slots_.resize(extent + 1, static_cast<uint8_t>(kSlotsPerExtent));
        used_slots_[extent] = static_cast<uint8_t>(count);
    }

private:
    // Slots and blocks that nobody uses are free, whatever lies there, and have no memory sooner or later.
    void note(uint32_t extent, ExtentWord word) {
        set_went(extent, 0);
        kinds_[extent] = word.kind;
        if (!holds_chunks(word.kind) && word.memory != ExtentMemory::kWhole) set_went(extent, kAll);
    }
    bool is_huge(uint32_t extent) const {
        return extent >= kFirstHuge && extent - kFirstHuge < kHugePlaces && (huge_ >> (extent - kFirstHuge) & 1) != 0;
    }
    bool may_have_huge(uint64_t places) const { return places == 0 || (has_huge_ && places >> kHugePlaces == 0); }
    template <class Atomics>
    bool update_huge(SegmentView segment, uint32_t places, bool look_again) {
        for (uint32_t place = 0; place < kHugePlaces; ++place) {
            const uint32_t bit = uint32_t{1} << place, extent = kFirstHuge + place;
            const bool known = (huge_ & bit) != 0;
            if ((places & bit) == 0 || (known && (!look_again || place >= kHugeBlocks))) continue;
            // acquire: the place is populated. Pairs with the release in Segment::make_huge_whole(); spare, as of an
            // extent.
            const uint64_t word = Atomics::load(segment.extent_word(extent), std::memory_order_acquire);
            if (!ExtentWord::is_sound(word, extent)) return false;
            huge_ |= bit;
            note_huge(place, ExtentWord::unpack(word));
            if (place >= kHugeBlocks && ExtentWord::unpack(word).memory == ExtentMemory::kEmpty)
                memory_went(extent, free_chunks<Atomics>(segment, extent));
        }
        return true;
    }
    void note_huge(uint32_t place, ExtentWord word) {
        const bool went = place < kHugeBlocks && word.memory != ExtentMemory::kWhole;
        set_went(kFirstHuge + place, went ? kAll : 0);
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
    uint32_t went(uint32_t extent) const {
        if (extent >= kFirstHuge) return huge_went_ >> (extent - kFirstHuge) & 1;
        return extent < went_.size() ? went_[extent] : 0;
    }
    void set_went(uint32_t extent, uint32_t places) {
        if (places == went(extent)) return;
        if (extent >= kFirstHuge) {
            if ((places & 1) == went(extent)) return;
            huge_went_ ^= uint32_t{1} << (extent - kFirstHuge);
            const uint64_t size = size_of(extent);
            bytes_without_memory_ += (places & 1) != 0 ? size : -size;
            return;
        }
        if (extent >= went_.size()) went_.resize(extent + 1);
        const int more = std::popcount(places) - std::popcount(uint32_t{went_[extent]});
        const uint64_t each = chunks_in(extent) != 0 ? part_size(kind(extent)) : kExtentSize / std::popcount(kAll);
        bytes_without_memory_ += static_cast<int64_t>(more) * static_cast<int64_t>(each);
        went_[extent] = static_cast<uint16_t>(places);
    }

    uint32_t limit_ = 0;
    bool has_huge_ = false;
    uint32_t huge_ = 0;       // a bit for each huge place that there is
    uint32_t huge_went_ = 0;  // and for each that has no memory
    uint32_t version_ = 0;
    uint64_t turned_ = 0;  // WriterPage::turned as last seen
    std::vector<ExtentKind> kinds_;
    std::vector<uint8_t> used_slots_;  // of the first extents, as far as it is known
    std::vector<uint16_t> went_;       // of each extent, as far as one did: chunks whose memory went, by place; or kAll
    uint64_t bytes_without_memory_ = 0;
};

}  // namespace spanring::ring
