// SPDX-License-Identifier: Apache-2.0
//
// A mapped segment, place by place. Computes addresses only: checks nothing, orders nothing. Callers know of each
// extent, chunk, slot and block that it is there: of its extent's kind, in an extent that is counted.
#pragma once

#include <cstdint>

#include "ring/layout.hpp"

namespace spanring::ring {

class SegmentView {
public:
    constexpr SegmentView() = default;
    constexpr explicit SegmentView(uint8_t* base) : base_(base) {}  // for whoever looks into no huge place
    constexpr SegmentView(uint8_t* base, uint32_t extent_limit)
        : base_(base), groups_end_(segment_size(extent_limit)) {}

    explicit operator bool() const { return base_ != nullptr; }
    uint8_t* base() const { return base_; }

    Header& header() const { return at<Header>(kHeaderOffset); }
    Control& control() const { return at<Control>(kControlOffset); }
    WriterPage& writer() const { return at<WriterPage>(kWriterOffset); }
    uint8_t* resource() const { return base_ + kResourceOffset; }
    ScopeEntry& scope(uint32_t index) const { return at<ScopeEntry>(scope_entry_offset(index)); }
    uint8_t* scope_bytes(uint32_t offset) const { return base_ + kScopesOffset + offset; }
    CounterLine& counter_line(uint32_t line) const {
        return at<CounterLine>(kCountersOffset + uint64_t{line} * kCounterLineSize);
    }

    uint64_t& extent_word(uint32_t extent) const { return at<uint64_t>(extent_word_offset(extent)); }
    uint8_t* extent(uint32_t extent) const {
        return extent < kFirstHuge ? base_ + extent_offset(extent) : huge(extent - kFirstHuge);
    }
    uint8_t* huge(uint32_t place) const { return base_ + groups_end_ + huge_offset(place); }
    ChunkLine& chunk_line(uint32_t chunk) const { return at<ChunkLine>(chunk_line_offset(chunk)); }
    uint64_t& chunk_mark(uint32_t chunk) const { return at<uint64_t>(chunk_mark_offset(chunk)); }
    uint8_t* chunk_bytes(uint32_t chunk, uint32_t capacity) const {
        return chunk < kFirstHugeChunk ? base_ + chunk_offset(chunk, capacity)
                                       : huge(chunk / kChunksPerExtent - kFirstHuge);
    }
    Slot& slot(uint32_t slot) const { return at<Slot>(slot_offset(slot)); }
    uint8_t* block(uint32_t block) const { return base_ + block_offset(block); }

private:
    template <class T>
    T& at(uint64_t offset) const {
        return *reinterpret_cast<T*>(base_ + offset);
    }

    uint8_t* base_ = nullptr;
    uint64_t groups_end_ = 0;
};

}  // namespace spanring::ring
