// SPDX-License-Identifier: Apache-2.0
//
// Spans that have ended and wait in their slots, since no chunk has room (LevelWriter::publish_wait()): how many may,
// and how a slot comes back that the agent is done with. Until then it is in use, to all who ask for a free one.
#include "ring/segment.hpp"
#include "ring/testpoint.hpp"

namespace spanring::ring {

uint32_t Segment::most_waiting() {
    const WriterPage& page = view_.writer();
    const uint32_t count = extents();
    // relaxed, each: numbers, and about right is enough.
    const uint64_t at = count + StdAtomics::load(page.turned, std::memory_order_relaxed);
    if (at == StdAtomics::load(most_waiting_at_, std::memory_order_relaxed))
        return StdAtomics::load(most_waiting_, std::memory_order_relaxed);
    uint32_t have = 0;
    for (uint32_t extent = 0; extent < count; ++extent) have += kind(extent) == ExtentKind::kSlots;
    const uint32_t kept = kept_slot_extents();
    const uint32_t most = have > kept ? (have - kept) * kSlotsPerExtent : 0;
    StdAtomics::store(most_waiting_, most, std::memory_order_relaxed);
    StdAtomics::store(most_waiting_at_, at, std::memory_order_relaxed);
    return most;
}

bool Segment::may_wait(bool huge) {
    if (overwrite_) return false;
    do {
        // relaxed, both: numbers. Huge places are few, and so are the slots of those that wait there.
        if (StdAtomics::fetch_add(waiting_, uint32_t{1}, std::memory_order_relaxed) < most_waiting() || huge)
            return true;
        StdAtomics::fetch_add(waiting_, ~uint32_t{0}, std::memory_order_relaxed);
    } while (take_done());
    return false;
}

bool Segment::take_done() {
    if (StdAtomics::load(waiting_, std::memory_order_relaxed) == 0) return false;  // a number
    // acquire: DONE before the count. Pairs with the release in AckBook::finish_wait(), which says what breaks.
    const uint64_t done = StdAtomics::load(view_.control().done, std::memory_order_acquire);
    if (done == StdAtomics::load(done_, std::memory_order_relaxed)) return false;  // a number
    bool any = false;
    each_slot([&](uint32_t slot) {
        uint64_t& word = view_.slot(slot).word;
        uint64_t is_done = SlotWord{SlotState::kDone, 0, 0}.pack();
        // relaxed: the exchange decides.
        if (StdAtomics::load(word, std::memory_order_relaxed) != is_done) return;
        // acquire: what the agent read of the span, before the slot's next user writes. Pairs with the release in
        // AckBook::finish_wait(). Without it the agent could send bytes of the next span. An exchange: the slot is
        // given back once.
        if (!StdAtomics::compare_exchange(word, is_done, uint64_t{0}, std::memory_order_acquire)) return;
        SPR_TESTPOINT(done_taken);
        StdAtomics::fetch_add(waiting_, ~uint32_t{0}, std::memory_order_relaxed);  // a number
        give_slot(slot);
        any = true;
    });
    StdAtomics::store(done_, done, std::memory_order_relaxed);  // only now: who vanishes leaves the look to the next
    return any;
}

}  // namespace spanring::ring
