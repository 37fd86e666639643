// SPDX-License-Identifier: Apache-2.0
//
// What somebody who is gone left half done in one slot or one chunk, put right by what it intended. Used by Recovery
// for a dead process, slot after slot, and by LevelWriter::settle() for a thread that vanished while its process lives
// on.
//
//     slot       means                                what is put right
//     FREE       no span, or one that never started   nothing
//     OPEN       unfinished                           its start is counted
//     ENDING     committed, if the chunk says so      the end is counted, the slot is freed
//                unfinished, otherwise                the slot becomes OPEN again
//                ended, if it is to stay in the slot  the end is counted, the slot becomes WAITING
//     DROPPING   dropped                              cause and end are counted, the slot is freed
//     WAITING    ended, and counted                   nothing
//     DONE       no span                              nothing
//
//     chunk      with a loss intent of its generation: the spans that were overwritten for it are counted
//
// The caller answers for it that whoever wrote the slot's state, or the loss intent, is gone, and that the counter
// lines which these name have not been given to anybody else. Every step may be repeated.
#pragma once

#include <cstdint>

#include "ring/atomics.hpp"
#include "ring/chunk_word.hpp"
#include "ring/segment_view.hpp"

namespace spanring::ring {

enum class RecoveryFault : uint8_t { kNone, kSlotState, kSlotLength, kSlotBlock, kIntent };

constexpr const char* describe(RecoveryFault fault) {
    switch (fault) {
        case RecoveryFault::kNone: return "sound";
        case RecoveryFault::kSlotState: return "the slot of an open span is in an unknown state";
        case RecoveryFault::kSlotLength: return "the slot of an open span is longer than its block";
        case RecoveryFault::kSlotBlock:
            return "the slot of an open span names a block that does not exist or is another's";
        case RecoveryFault::kIntent: return "the slot of an open span intends to end in a chunk that does not exist";
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

// Whether the data can be where the word says that it is.
constexpr bool fits_place(SlotWord word) { return word.place < kPlaces && word.length <= data_capacity(word.place); }

// Extents: knows by has_chunk() which chunks there are.
template <class Atomics, class Extents>
class Settlement {
public:
    Settlement(SegmentView segment, const Extents& extents, uint32_t counter_lines)
        : segment_(segment), extents_(extents), lines_(counter_lines < kCounterLines ? counter_lines : kCounterLines) {}

    // A line counts in ascending order and its writer is gone: what an intent says is the least that it must say. A
    // span that was counted in the shared line (there are more threads than lines) carries no intent.
    void raise(uint32_t line, Counter counter, uint64_t least) const {
        if (line >= lines_) return;
        uint64_t& value = segment_.counter_line(line).values[static_cast<uint32_t>(counter)];
        if (read(value) < least) store(value, least);
    }

    // The slot is ENDING or DROPPING, as `word` says. ret_state: what it is then, FREE, OPEN or WAITING.
    RecoveryFault settle_end(Slot& slot, SlotWord word, SlotState& ret_state) const {
        SlotWord next;
        if (word.state == SlotState::kDropping) {
            const uint32_t cause = read(slot.intent_cause);
            if (cause >= static_cast<uint32_t>(Counter::kCount)) return RecoveryFault::kIntent;
            raise(read(slot.intent_line), static_cast<Counter>(cause), read(slot.intent_dropped));
        } else {
            const uint32_t chunk = read(slot.intent_chunk);
            if (chunk == kInSlot) {
                next = {SlotState::kWaiting, word.place, word.length};
            } else if (!extents_.has_chunk(chunk)) {
                return RecoveryFault::kIntent;
            } else if (!is_committed(chunk, ChunkWord::unpack(read(slot.intent_word)))) {
                next = {SlotState::kOpen, word.place, word.length};
            }
        }
        if (next.state != SlotState::kOpen) raise(read(slot.intent_line), Counter::kEnded, read(slot.intent_ended));
        store(slot.word, next.pack());
        ret_state = next.state;
        return RecoveryFault::kNone;
    }

    // `word`: the chunk's, loaded with acquire. An intent of another generation never came true, or was counted long
    // ago.
    void settle_loss(const ChunkLine& line, ChunkWord word) const {
        const uint32_t renewed = read(line.loss_generation);  // as ChunkWriter::overwrite() wrote it: never 0, 28 bits
        if (renewed == 0 || (renewed & ChunkWord::kGenerationMask) != word.generation) return;
        raise(read(line.loss_line), Counter::kDroppedOverwritten, read(line.loss));
    }

private:
    bool is_committed(uint32_t chunk, ChunkWord intent) const {
        // acquire: this look comes after the death, and nothing below before it. Pairs with the release in
        // ChunkWriter::commit(). A look from before the death could take a committed span for an unfinished one: it
        // would be exported twice.
        return ring::is_committed(
            intent, ChunkWord::unpack(Atomics::load(segment_.chunk_line(chunk).word, std::memory_order_acquire)));
    }

    template <class T>
    static T read(const T& field) {
        return Atomics::load(field, std::memory_order_relaxed);  // its writer is gone; the caller's acquire came before
    }

    template <class T>
    static void store(T& field, T value) {
        // release: the counters before the slot that carries their intent is free. Pairs with the acquire in
        // Recovery::settle_slot(), of an agent that repeats this after a kill, and with IndexPool::pop() for a slot
        // that goes back to the living. The other way round a kill leaves a free slot and an end that is never counted.
        Atomics::store(field, value, std::memory_order_release);
    }

    SegmentView segment_;
    const Extents& extents_;
    const uint32_t lines_;
};

}  // namespace spanring::ring
