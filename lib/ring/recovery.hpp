// SPDX-License-Identifier: Apache-2.0
//
// What a dead process left half done, put right. Only after its lock was seen free, with the chunk words looked at
// after that, and before any chunk of it is freed: a freed chunk no longer says what was committed in it. Every step
// may be repeated: an agent that is killed in the middle is followed by one that does it all again.
//
//     slot       means                                what is put right
//     FREE       no span, or one that never started   nothing
//     OPEN       unfinished                           its start is counted
//     ENDING     committed, if the chunk says so      start and end are counted, the slot is freed
//                unfinished, otherwise                as OPEN, and it becomes OPEN
//     DROPPING   dropped                              start, cause and end are counted, the slot is freed
#pragma once

#include <cstdint>
#include <vector>

#include "ring/atomics.hpp"
#include "ring/chunk_word.hpp"
#include "ring/segment_view.hpp"

namespace spanring::ring {

enum class RecoveryFault : uint8_t { kNone, kSlotState, kSlotLength, kIntent };

constexpr const char* describe(RecoveryFault fault) {
    switch (fault) {
        case RecoveryFault::kNone: return "sound";
        case RecoveryFault::kSlotState: return "the slot of an open span is in no known state";
        case RecoveryFault::kSlotLength: return "the slot of an open span is longer than its blocks";
        case RecoveryFault::kIntent: return "the slot of an open span intends to end in a chunk that is not there";
    }
    return "an unknown fault";
}

// Whether the record that `intent` was to commit is committed, seen from the chunk's word after the death. A chunk that
// went on to FREE or to a later generation was full, and its writer fills it only after the commit.
constexpr bool is_committed(ChunkWord intent, ChunkWord now) {
    const uint32_t ahead = (now.generation - intent.generation) & ChunkWord::kGenerationMask;
    if (ahead == 0) return now.state == ChunkState::kFree || now.length >= intent.length;
    return ahead < ChunkWord::kGenerationMask / 2;
}

constexpr bool fits_blocks(SlotWord word) {
    return word.blocks <= kSlotBlocks && word.length <= kSlotInlineData + word.blocks * kBlockSize;
}

template <class Atomics = StdAtomics>
class Recovery {
public:
    Recovery(SegmentView segment, uint32_t extents, uint32_t counter_lines)
        : segment_(segment), extents_(extents), lines_(counter_lines < kCounterLines ? counter_lines : kCounterLines) {}

    // Resolves all slots; `ret_open` are those of unfinished spans. Stops at the first fault.
    RecoveryFault run(std::vector<uint32_t>& ret_open) {
        for (uint32_t slot = 0; slot < extents_ * kSlotsPerExtent; ++slot) {
            bool open = false;
            if (const RecoveryFault fault = resolve(segment_.slot(slot), open); fault != RecoveryFault::kNone)
                return fault;
            if (open) ret_open.push_back(slot);
        }
        return RecoveryFault::kNone;
    }

private:
    RecoveryFault resolve(Slot& slot, bool& ret_open) {
        // acquire: the fields of the slot. Pairs with the release stores of the slot's word in LevelWriter and
        // SlotWriter. Without it an intent could be read that is older than the state.
        const SlotWord word = SlotWord::unpack(Atomics::load(slot.word, std::memory_order_acquire));
        if (word.state == SlotState::kFree) return RecoveryFault::kNone;
        if (static_cast<uint32_t>(word.state) > static_cast<uint32_t>(SlotState::kDropping))
            return RecoveryFault::kSlotState;
        if (!fits_blocks(word)) return RecoveryFault::kSlotLength;

        raise(read(slot.line), Counter::kStarted, read(slot.started));
        if (word.state == SlotState::kDropping) {
            const uint32_t cause = read(slot.intent_cause);
            if (cause >= static_cast<uint32_t>(Counter::kCount)) return RecoveryFault::kIntent;
            raise(read(slot.intent_line), static_cast<Counter>(cause), read(slot.intent_dropped));
            raise(read(slot.intent_line), Counter::kEnded, read(slot.intent_ended));
            clear(slot);
            return RecoveryFault::kNone;
        }
        if (word.state == SlotState::kEnding) {
            const uint32_t chunk = read(slot.intent_chunk);
            if (chunk >= extents_ * kChunksPerExtent) return RecoveryFault::kIntent;
            const ChunkWord intent = ChunkWord::unpack(read(slot.intent_word));
            // acquire: pairs with the release in ChunkWriter::commit(); this look comes after the death.
            const ChunkWord now =
                ChunkWord::unpack(Atomics::load(segment_.chunk_line(chunk).word, std::memory_order_acquire));
            if (is_committed(intent, now)) {
                raise(read(slot.intent_line), Counter::kEnded, read(slot.intent_ended));
                clear(slot);
                return RecoveryFault::kNone;
            }
            SlotWord open = word;
            open.state = SlotState::kOpen;
            store(slot.word, open.pack());
        }
        ret_open = true;
        return RecoveryFault::kNone;
    }

    template <class T>
    static T read(const T& field) {
        return Atomics::load(field,
                             std::memory_order_relaxed);  // relaxed: its writer is dead, and the acquire came before
    }

    template <class T>
    static void store(T& field, T value) {
        // release: counters before the slot that carries their intent is free, also for an agent that repeats this.
        Atomics::store(field, value, std::memory_order_release);
    }

    static void clear(Slot& slot) { store(slot.word, uint64_t{0}); }

    // A line counts in ascending order and its writer is dead: what the intent says is the least that it must say.
    // A span that was counted in the shared line (there are more threads than lines) carries no intent.
    void raise(uint32_t line, Counter counter, uint64_t least) {
        if (line >= lines_) return;
        uint64_t& value = segment_.counter_line(line).values[static_cast<uint32_t>(counter)];
        if (read(value) < least) store(value, least);
    }

    SegmentView segment_;
    const uint32_t extents_;
    const uint32_t lines_;
};

}  // namespace spanring::ring
