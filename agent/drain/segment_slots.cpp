// SPDX-License-Identifier: Apache-2.0
//
// The part of a segment that hands out spans from their slots: those that have ended and wait there, and those that a
// dead process left open.
#include <algorithm>

#include "drain/attached_segment.hpp"
#include "ring/testpoint.hpp"
#include "ring/unfinished_span.hpp"

namespace spanring::agent {
namespace {

constexpr char kNoBlock[] = "the slot of a span names blocks that do not exist";

}  // namespace

// False: there are more, or it is quarantined.
bool AttachedSegment::hand_out_waiting(Batcher& batcher, uint64_t budget, PassResult& result) {
    if (waiting_slots_.may_have_come(view())) {
        if (!update_extents()) return false;
        held_.extents.look_for_slots(view());
        waiting_slots_.look(view(), held_.extents);
        // Once more: what was found may have blocks in an extent that is newer than the look before.
        if (!update_extents()) return false;
        held_.extents.look_for_slots(view());
    }
    std::vector<uint8_t> record;
    for (ring::SlotCopy copy; waiting_slots_.has_next();) {
        result.cut = result.cut || result.bytes >= budget;
        if (result.bytes >= budget) return false;
        const uint32_t slot = waiting_slots_.take_next();
        if (!copy_slot(view(), held_.extents, slot, copy)) return fail(kNoBlock);
        if (ring::SlotWord::unpack(copy.slot.word).state != ring::SlotState::kWaiting) {  // against the rules
            waiting_slots_.forget(slot);
            continue;
        }
        record.clear();
        append_ended_span(copy, record);
        hand_out(batcher, {.chunk = slot, .generation = copy.slot.generation, .spans = 1, .waited = true}, copy, record,
                 result);
        SPR_TESTPOINT(waiting_taken);
    }
    return still_readable();
}

bool AttachedSegment::hand_out_unfinished(Batcher& batcher, uint64_t budget, PassResult& result) {
    std::vector<uint8_t> record;
    for (; burial_.has_open_slot() && result.bytes < budget; burial_.open_slot_handed_out()) {
        const uint32_t slot = burial_.open_slot();
        ring::SlotCopy copy;
        record.clear();
        if (!copy_slot(view(), held_.extents, slot, copy)) return fail(kNoBlock);
        append_unfinished_span(copy, burial_.died_unix_nano(), record);
        hand_out(batcher, {.chunk = slot, .generation = copy.slot.generation, .spans = 1, .unfinished = true}, copy,
                 record, result);
        SPR_TESTPOINT(unfinished_taken);
    }
    result.cut = result.cut || burial_.has_open_slot();
    return true;
}

// One that makes no sense has no record, and is booked as invalid; what was read of it counts nevertheless, or a
// hostile process could take all of the thread's time.
void AttachedSegment::hand_out(Batcher& batcher, const Receipt& receipt, const ring::SlotCopy& copy,
                               const std::vector<uint8_t>& record, PassResult& result) {
    const CutReport report = cutter_.add_of_slot(batcher, batcher.shared(), receipt, copy.slot.scope, record);
    if (report.sampled_out != 0) acknowledge_sampled_out(receipt, 1, report.rule);
    result.bytes += std::max(record.size(), copy.data.size()) + ring::kSlotSize;
    ++result.spans;
    if (receipt.waited) waiting_in_slots_ += report.waiting;
    note(report, result);
}

}  // namespace spanring::agent
