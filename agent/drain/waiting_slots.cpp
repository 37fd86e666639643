// SPDX-License-Identifier: Apache-2.0
#include "drain/waiting_slots.hpp"

#include <utility>

#include "ring/atomics.hpp"
#include "ring/chunk_word.hpp"

namespace spanring::agent {

bool WaitingSlots::may_have_come(ring::SegmentView segment) {
    // acquire: the slots that it counts are WAITING. Pairs with the release in Segment::note_waiting(). Without it the
    // count could be noted, a slot be found as it was, and not be looked for again.
    const uint64_t waits = ring::StdAtomics::load(segment.writer().waits, std::memory_order_acquire);
    const bool moved = std::exchange(waits_, waits) != waits;
    return std::exchange(look_again_, false) || moved;
}

void WaitingSlots::look(ring::SegmentView segment, const ring::ExtentMap& extents) {
    found_.erase(found_.begin(), found_.begin() + static_cast<std::ptrdiff_t>(next_));
    next_ = 0;
    extents.each_slot([&](uint32_t slot) {
        // acquire: the span, its end and its count. Pairs with the release in LevelWriter::publish_wait(), which says
        // what breaks.
        const uint64_t word = ring::StdAtomics::load(segment.slot(slot).word, std::memory_order_acquire);
        if (ring::SlotWord::unpack(word).state != ring::SlotState::kWaiting) return;
        if (knows(slot)) return;
        if (known_.size() <= slot) known_.resize(slot + 1);
        known_[slot] = true;
        ++count_;
        found_.push_back(slot);
    });
}

void WaitingSlots::forget(uint32_t slot) {
    if (!knows(slot)) return;
    known_[slot] = false;
    --count_;
}

}  // namespace spanring::agent
