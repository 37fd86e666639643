// SPDX-License-Identifier: Apache-2.0
//
// The data of an open span: a byte string in one piece, in the slot or in one of its blocks. SlotData finds it,
// SlotWriter appends to it. Used by whoever holds the span; nothing here is shared between threads.
//
//     grow         take a larger block | its number in the slot | copy | append | word: place and length
//
// A block stays with its slot until the span has ended, and beyond that in the hands of the thread that keeps the slot
// for its next span: who still writes into a smaller one, against the rules, harms no other span.
#pragma once

#include <cstdint>
#include <cstring>

#include "ring/chunk_word.hpp"
#include "ring/segment.hpp"

namespace spanring::ring {

// Where the data lies, by a word of the slot. nullptr: nowhere any more (the span has ended, against the rules).
inline uint8_t* data_of(SegmentView view, Slot& slot, SlotWord word) {
    if (word.place == 0) [[likely]]
        return slot.data;
    if (word.place > kBlockClasses) [[unlikely]]
        return view.huge((word.place - kBlockClasses - 1) % kHugeBlocks);
    const uint32_t block = slot.blocks[(word.place - 1) % kBlockClasses];
    return block == 0 ? nullptr : view.block(block - 1);
}

class SlotWriter {
public:
    SlotWriter(Segment& segment, Slot& slot, SlotWord word)
        : segment_(segment), slot_(slot), word_(word), data_(data_of(segment.view(), slot, word)) {}

    uint32_t position() const { return word_.length; }

    // Makes room for that many more bytes. False: the span's maximum, or no block is free; nothing changed for the
    // reader.
    bool reserve(uint32_t bytes) {
        if (bytes > kSlotDataMax - word_.length || data_ == nullptr) return false;
        return word_.length + bytes <= data_capacity(word_.place) || grow(word_.length + bytes);
    }

    // Where the next bytes go, in one piece, as many as are reserved; then advance().
    uint8_t* next() const { return data_ + word_.length; }
    void advance(uint32_t bytes) { word_.length += bytes; }

    void put(const void* bytes, uint32_t size) {
        if (size != 0) memcpy(next(), bytes, size);  // of nothing, too
        advance(size);
    }
    void put_byte(uint8_t byte) {
        *next() = byte;
        advance(1);
    }

    // Everything written so far becomes part of the open span.
    void publish() {
        word_.state = SlotState::kOpen;
        // release: the bytes before the length, and a larger block's number and bytes before the place that names it,
        // for whoever reads the slot after this process died. SIGKILL lands between two instructions, so program order
        // is what counts. Pairs with the acquire in Recovery::settle_slot(). Without it the compiler could store a
        // length before its bytes.
        StdAtomics::store(slot_.word, word_.pack(), std::memory_order_release);
        SPR_TESTPOINT(field_published);
    }

private:
    [[gnu::noinline]] bool grow(uint32_t size) {
        for (uint32_t place = word_.place + 1; place <= kBlockClasses; ++place) {
            if (data_capacity(place) < size) continue;
            uint32_t& block = slot_.blocks[place - 1];
            if (block == 0 || block == kHugeMark) {  // none that an earlier span left
                const uint32_t taken = segment_.take_block(place);
                if (taken == Segment::kNone) continue;  // a larger one will do
                // relaxed: published with the word that names it.
                StdAtomics::store(block, taken + 1, std::memory_order_relaxed);
            }
            SPR_TESTPOINT(block_taken);
            move(segment_.view().block(block - 1), place);
            return true;
        }
        const uint32_t huge =
            size > data_capacity(kBlockClasses) ? segment_.take_huge_block(slot_, size) : Segment::kNone;
        if (huge == Segment::kNone) return false;
        SPR_TESTPOINT(huge_block_taken);
        move(segment_.view().huge(huge), huge + kBlockClasses + 1);
        return true;
    }

    [[gnu::always_inline]] void move(uint8_t* data, uint32_t place) {
        memcpy(data, data_, word_.length);
        data_ = data;
        word_.place = place;
        SPR_TESTPOINT(data_copied);
    }

    Segment& segment_;
    Slot& slot_;
    SlotWord word_;
    uint8_t* data_;
};

}  // namespace spanring::ring
