// SPDX-License-Identifier: Apache-2.0
//
// The data of an open span: a byte string that starts inside the slot and goes on in blocks. SlotData reads it,
// SlotWriter appends to it. Used by whoever holds the span; nothing here is shared between threads.
#pragma once

#include <cstdint>
#include <cstring>

#include "ring/chunk_word.hpp"
#include "ring/segment.hpp"

namespace spanring::ring {

// Bytes at [position, position + returned room) are contiguous.
class SlotData {
public:
    SlotData(SegmentView view, Slot& slot) : view_(view), slot_(slot) {}

    uint8_t* at(uint32_t position, uint32_t& ret_room) const {
        if (position < kSlotInlineData) {
            ret_room = kSlotInlineData - position;
            return slot_.data + position;
        }
        const uint32_t beyond = position - kSlotInlineData;
        ret_room = kBlockSize - beyond % kBlockSize;
        return view_.block(slot_.blocks[beyond / kBlockSize]) + beyond % kBlockSize;
    }

    uint8_t byte(uint32_t position) const {
        uint32_t room;
        return *at(position, room);
    }

    void copy(uint32_t position, uint32_t size, uint8_t* to) const {
        while (size != 0) {
            uint32_t room;
            const uint8_t* from = at(position, room);
            const uint32_t piece = size < room ? size : room;
            memcpy(to, from, piece);
            to += piece;
            position += piece;
            size -= piece;
        }
    }

    bool equal(uint32_t position, const char* with, uint32_t size) const {
        while (size != 0) {
            uint32_t room;
            const uint8_t* bytes = at(position, room);
            const uint32_t piece = size < room ? size : room;
            if (memcmp(bytes, with, piece) != 0) return false;
            with += piece;
            position += piece;
            size -= piece;
        }
        return true;
    }

protected:
    SegmentView view_;
    Slot& slot_;
};

class SlotWriter : public SlotData {
public:
    SlotWriter(Segment& segment, Slot& slot, SlotWord word)
        : SlotData(segment.view(), slot), segment_(segment), word_(word), position_(word.length) {}

    uint32_t position() const { return position_; }

    // Makes room for that many more bytes. False: the span's maximum, or no block is free; nothing changed for the
    // reader.
    bool reserve(uint32_t bytes) {
        if (bytes > kSlotDataMax - position_) return false;
        const uint32_t end = position_ + bytes;
        while (end > kSlotInlineData + word_.blocks * kBlockSize) {
            const uint32_t block = segment_.take_block();
            if (block == Segment::kNone) return false;  // blocks taken so far are kept with the next publish()
            slot_.blocks[word_.blocks++] = block;
        }
        return true;
    }

    // So many bytes were written at position(), which had room for them.
    void advance(uint32_t bytes) { position_ += bytes; }

    void put(const void* bytes, uint32_t size) {
        const uint8_t* from = static_cast<const uint8_t*>(bytes);
        while (size != 0) {
            uint32_t room;
            uint8_t* to = at(position_, room);
            const uint32_t piece = size < room ? size : room;
            memcpy(to, from, piece);
            from += piece;
            position_ += piece;
            size -= piece;
        }
    }
    void put_byte(uint8_t byte) {
        uint32_t room;
        *at(position_, room) = byte;
        ++position_;
    }

    // Everything written so far becomes part of the open span. Called also where a reserve() failed: it took blocks.
    void publish() {
        word_.length = position_;
        word_.state = SlotState::kOpen;
        // release: the bytes before the length, for whoever reads the slot after this process died. SIGKILL lands
        // between two instructions, so program order is what counts. Pairs with the acquire in Recovery::settle_slot().
        // Without it the compiler could store a length before its bytes.
        StdAtomics::store(slot_.word, word_.pack(), std::memory_order_release);
        SPR_TESTPOINT(field_published);
    }
    void keep_blocks() {
        position_ = word_.length;
        publish();
    }

private:
    Segment& segment_;
    SlotWord word_;
    uint32_t position_;
};

}  // namespace spanring::ring
