// SPDX-License-Identifier: Apache-2.0
#include "ring/level_writer.hpp"

namespace spanring::ring {

void LevelWriter::open(Segment& segment, uint32_t owner) {
    owner_ = owner;
    const uint32_t line = segment.take_line();
    line_ = line == Segment::kNone ? nullptr : segment.counter_line(line);
    if (line_ != nullptr) {
        line_index_ = line;
        for (uint32_t i = 0; i < index(Counter::kCount); ++i)  // goes on where its last owner stopped
            counts_[i] = StdAtomics::load(line_->values[i], std::memory_order_relaxed);
    } else {
        if (line != Segment::kNone) segment.give_line(line);
        line_index_ = kSharedLine;
        shared_ = segment.view().writer().shared_line;
    }
    open_ = true;
}

void LevelWriter::leave(Segment& segment) {
    if (chunk_.attached()) {
        chunk_.park();
        segment.note_parked();
    }
    while (free_slots_ != 0) segment.give_slot(slots_[--free_slots_]);
    if (line_ != nullptr) segment.give_line(line_index_);
    forget();
}

bool LevelWriter::next_chunk(Segment& segment, uint32_t bytes) {
    const uint64_t mark = segment.freed_mark();
    if (full_mark_ == mark) return false;  // nothing became free since the last search: the cheap way to be full
    if (chunk_.attached()) chunk_.seal(segment.next_sequence());
    Loss loss{line_index_, counts_[index(Counter::kDroppedOverwritten)]};
    if (!segment.attach_chunk(chunk_, bytes, !had_chunk_, owner_, loss)) {
        // A larger span says nothing about the next one.
        if (bytes <= kSmallChunk && !segment.overwrites()) full_mark_ = mark;
        return false;
    }
    full_mark_ = ~uint64_t{0};
    had_chunk_ = true;
    if (loss.spans != 0) {
        count(Counter::kDroppedOverwritten, loss.spans);
        SPR_TESTPOINT(loss_counted);
    }
    return true;
}

}  // namespace spanring::ring
