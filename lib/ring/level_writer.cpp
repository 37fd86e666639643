// SPDX-License-Identifier: Apache-2.0
#include "ring/level_writer.hpp"

#include "ring/settlement.hpp"

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
    segment.note_writer();
    open_ = true;
}

// A thread that has many open takes some more with each, from the lowest on: they lie one behind the other. One whose
// spans others end counts as such.
[[gnu::noinline]] HeldSlot LevelWriter::take_new_slot(Segment& segment) {
    const uint32_t index = segment.take_slot();
    if (index == Segment::kNone) return HeldSlot();
    HeldSlot held = {&segment.view().slot(index), index};
    prefetch_slot(held);  // in no cache, where the thread did not keep it
    if (static_cast<int32_t>(++taken_) < kMany || slot_room_ != kSlotCache) return held;
    for (uint64_t places = segment.take_slots_beside(index, kSlotCache - 1); places != 0; ++taken_) {
        const auto place = static_cast<uint32_t>(63 - __builtin_clzll(places));
        places ^= uint64_t{1} << place;
        const uint32_t other = index / kSlotNumbers * kSlotNumbers + place;
        keep_slot({&segment.view().slot(other), other});
    }
    return held;
}

// Those that are kept for the next spans.
void LevelWriter::give_slots(Segment& segment) {
    taken_ -= free_slots_;
    while (free_slots_ != 0) segment.give_slot(slots_[--free_slots_].index);
}

// One that may not be kept. Each that is given takes an exchange, which waits until all is written that came before it:
// where many end one after the other the others go at once, and the next few ends wait for nothing.
[[gnu::noinline]] void LevelWriter::pass_slot_on(Segment& segment, HeldSlot held) {
    constexpr auto kFew = static_cast<uint32_t>(kMany);
    if (slot_room_ == kSlotCache && taken_ + kFew >= 2 * kFew &&
        (held.slot->blocks[kKeptClasses] | held.slot->blocks[kKeptClasses + 1]) == 0) {
        give_slots(segment);
        keep_slot(held);
        return;
    }
    slot_room_ = kSlotCache;
    --taken_;
    segment.give_slot(held.index);
}

void LevelWriter::leave(Segment& segment) {
    if (chunk_.attached() && !chunk_.spare()) {
        if (chunk_.chunk() >= kFirstHugeChunk) {  // nobody adopts one
            chunk_.seal(segment.next_sequence());
        } else {
            chunk_.park();
            segment.note_parked();
        }
    }
    give_slots(segment);
    if (open_) segment.forget_writer();
    const uint32_t line = line_ != nullptr ? line_index_ : Segment::kNone;
    forget();  // before the line is given away, as with the chunk: whoever vanishes in between gives nothing twice
    if (line != Segment::kNone) segment.give_line(line);
}

// Slots of living threads are looked at too, but never taken for this one's: nobody else writes the number of a line
// that has not been given away, or of a chunk that is attached.
void LevelWriter::settle(Segment& segment) {
    const SegmentView view = segment.view();
    // acquire: this line is populated. Pairs with the release in Segment::counter_line(). It was, or there would be no
    // line_: without it a number from before could leave the line out.
    const uint32_t lines = StdAtomics::load(view.writer().counter_lines, std::memory_order_acquire);
    const Settlement<StdAtomics, Segment> settlement(view, segment, lines);
    if (chunk_.attached()) settlement.settle_loss(chunk_.line(), chunk_.resume());
    bool waits = false;
    segment.each_slot([&](uint32_t index) {
        Slot& slot = view.slot(index);
        // acquire: the line and the number of the start, or the intent. Pairs with the releases in publish_start(),
        // publish_end(), publish_drop() and publish_wait(). Without it the slot's last user could be taken for its
        // present one. A slot that waits is an agent's, or the next user's at any time: nothing in it is to be read.
        const SlotWord word = SlotWord::unpack(StdAtomics::load(slot.word, std::memory_order_acquire));
        waits = waits || word.state == SlotState::kWaiting;
        if (word.state == SlotState::kFree || word.state > SlotState::kDropping) return;
        // acquire: pairs with the release in publish_start(). The other way round a line that is this one's could be
        // put together with a number that the slot's next user wrote.
        const uint64_t started = StdAtomics::load(slot.started, std::memory_order_acquire);
        if (line_ != nullptr && StdAtomics::load(slot.line, std::memory_order_relaxed) == line_index_)
            settlement.raise(line_index_, Counter::kStarted, started);
        if (word.state == SlotState::kOpen) return;
        // relaxed: after the acquire of the word.
        const bool mine = line_ != nullptr
                              ? StdAtomics::load(slot.intent_line, std::memory_order_relaxed) == line_index_
                              : chunk_.attached() && word.state == SlotState::kEnding &&
                                    StdAtomics::load(slot.intent_chunk, std::memory_order_relaxed) == chunk_.chunk();
        if (!mine) return;
        SlotState state = word.state;
        if (settlement.settle_end(slot, word, state) != RecoveryFault::kNone) return;
        waits = waits || state == SlotState::kWaiting;
        if (state == SlotState::kFree) segment.give_slot(index);
    });
    if (waits) segment.note_waiting();  // the thread may not have come to it
}

bool LevelWriter::next_chunk(Segment& segment, uint32_t bytes) {
    if (chunk_.attached() && chunk_.chunk() >= kFirstHugeChunk &&
        chunk_.widen(size_of(chunk_.chunk() / kChunksPerExtent), bytes))
        return true;
    const uint64_t mark = segment.freed_mark();
    // Nothing became free since the last search: the cheap way to be full. For a huge place there was none: its memory
    // may be kept for this very end.
    if (bytes <= kJumboChunk && full_mark_ == mark && !segment.is_past(full_until_)) return false;
    const uint32_t mean = chunk_.mean();
    if (chunk_.attached()) chunk_.seal(segment.next_sequence());
    Loss loss{line_index_, counts_[index(Counter::kDroppedOverwritten)]};
    if (!segment.attach_chunk(chunk_, bytes, !had_chunk_, owner_, loss, mean)) {
        // A larger span says nothing about the next one.
        if (bytes <= kSmallChunk && !segment.overwrites()) {
            full_mark_ = mark;
            full_until_ = segment.search_again_at();
        }
        return false;
    }
    full_mark_ = ~uint64_t{0};
    had_chunk_ = true;
    // Once in a while: what a burst left to this thread may lie in as many extents, and keeps these from going. That is
    // true of the slot whose span ends right now as well, with its block.
    if (looks_ != segment.looks()) {
        looks_ = segment.looks();
        give_slots(segment);
        slot_room_ = 0;
    }
    if (loss.spans != 0) {
        count(Counter::kDroppedOverwritten, loss.spans);
        SPR_TESTPOINT(loss_counted);
    }
    return true;
}

}  // namespace spanring::ring
