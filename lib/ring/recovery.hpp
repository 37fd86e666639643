// SPDX-License-Identifier: Apache-2.0
//
// What a dead process left half done, put right. Only after its lock was seen free, with the chunk words looked at
// after that, and before any chunk of it is freed: a freed chunk no longer says what was committed in it. Every step
// may be repeated: an agent that is killed in the middle is followed by one that does it all again.
// How a slot and a chunk are settled: settlement.hpp.
#pragma once

#include <cstdint>
#include <vector>

#include "ring/data_blocks.hpp"
#include "ring/extent_map.hpp"
#include "ring/settlement.hpp"

namespace spanring::ring {

template <class Atomics = StdAtomics>
class Recovery {
public:
    Recovery(SegmentView segment, const ExtentMap& extents, uint32_t counter_lines)
        : segment_(segment), extents_(extents), settlement_(segment, extents, counter_lines), blocks_(extents) {}

    // Counts what was overwritten and settles all slots; `ret_open` are those of unfinished spans. Stops at the first
    // fault. Spans that wait in their slots have ended: whoever drains finds them there.
    RecoveryFault run(std::vector<uint32_t>& ret_open) {
        extents_.each_chunk([this](uint32_t chunk) {
            const ChunkLine& line = segment_.chunk_line(chunk);
            // acquire: the loss intent that was armed before the generation moved. Pairs with the exchange to OPEN in
            // ChunkWriter::overwrite(). Without it an older intent, or none, would be read, and the loss go uncounted.
            settlement_.settle_loss(line, ChunkWord::unpack(Atomics::load(line.word, std::memory_order_acquire)));
        });
        RecoveryFault fault = RecoveryFault::kNone;
        extents_.each_slot([&](uint32_t slot) {
            SlotState state = SlotState::kFree;
            if (fault == RecoveryFault::kNone) fault = settle_slot(segment_.slot(slot), state);
            if (state == SlotState::kOpen) ret_open.push_back(slot);
        });
        return fault;
    }

private:
    // ret_state: what it is then.
    RecoveryFault settle_slot(Slot& slot, SlotState& ret_state) {
        // acquire: the fields of the slot. Pairs with the release stores of the slot's word in LevelWriter and
        // SlotWriter. Without it an intent could be read that is older than the state.
        const SlotWord word = SlotWord::unpack(Atomics::load(slot.word, std::memory_order_acquire));
        if (word.state == SlotState::kFree || word.state == SlotState::kDone) return RecoveryFault::kNone;
        if (static_cast<uint32_t>(word.state) > static_cast<uint32_t>(SlotState::kDone))
            return RecoveryFault::kSlotState;
        if (const RecoveryFault fault = blocks_.template claim<Atomics>(slot, word); fault != RecoveryFault::kNone)
            return fault;
        // relaxed: their writer is dead, and the acquire came before.
        settlement_.raise(Atomics::load(slot.line, std::memory_order_relaxed), Counter::kStarted,
                          Atomics::load(slot.started, std::memory_order_relaxed));
        if (word.state == SlotState::kEnding || word.state == SlotState::kDropping)
            return settlement_.settle_end(slot, word, ret_state);
        ret_state = word.state;
        return RecoveryFault::kNone;
    }

    SegmentView segment_;
    const ExtentMap& extents_;
    const Settlement<Atomics, ExtentMap> settlement_;
    DataBlocks blocks_;
};

}  // namespace spanring::ring
