// SPDX-License-Identifier: Apache-2.0
//
// Whole steps of a process and of the agent over a segment in memory: spans that start, end and are dropped, threads
// that vanish, processes and agents that are killed between any two stores, and what the next one makes of what it
// finds. Explored by orders_test.cpp.
#pragma once

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "ring/ack_book.hpp"
#include "ring/chunk_reader.hpp"
#include "ring/counter_sums.hpp"
#include "ring/extent_giver.hpp"
#include "ring/level_writer.hpp"
#include "ring/recovery.hpp"
#include "ring/slot_data.hpp"
#include "ring/unfinished_span.hpp"
#include "unit/ring/chunk_scenarios.hpp"
#include "unit/ring/segment_in_memory.hpp"

namespace spanring::test {

inline constexpr uint32_t kSpanBytes = 8;
inline constexpr uint32_t kFieldBytes = 8;
inline constexpr uint32_t kSlot = kSlotNumbers;  // the first: extent 0 holds small chunks, extent 1 slots

inline uint64_t& counter(SegmentView view, uint32_t line, Counter which) {
    return view.counter_line(line).values[static_cast<uint32_t>(which)];
}

// One thread, at one signal level, that starts and ends spans.
class Thread {
public:
    Thread() = default;
    Thread(SegmentInMemory& segment, uint32_t id) { open(segment, id); }
    void open(SegmentInMemory& segment, uint32_t id) {
        segment_ = &segment;
        writer_.open(*segment, id);
    }

    // A span with one field, of bytes that say which span it is.
    void start(uint8_t which, uint32_t length = kFieldBytes) {
        which_ = which;
        length_ = length;
        index_ = writer_.take_slot(**segment_).index;
        Slot& slot = segment_->view().slot(index_);
        slot.generation = slot.generation + 1;
        slot.scope = 0;
        memset(slot.data, which, kFieldBytes);
        writer_.publish_start(slot, {SlotState::kOpen, 0, length});
    }
    void set() {
        SlotWriter data(**segment_, slot(), {SlotState::kOpen, 0, length_});
        std::array<uint8_t, kFieldBytes> field;
        field.fill(which_);
        data.reserve(kFieldBytes);
        data.put(field.data(), kFieldBytes);
        data.publish();
        length_ += kFieldBytes;
    }
    void end() {
        if (!writer_.make_room(**segment_, kSpanBytes)) return drop();
        memset(writer_.place(0), which_, kSpanBytes);
        writer_.publish_end(**segment_, slot(), index_, {SlotState::kOpen, 0, length_}, kSpanBytes);
    }
    bool wait(uint64_t when) { return writer_.publish_wait(**segment_, slot(), {SlotState::kOpen, 0, length_}, when); }
    void drop() {
        writer_.publish_drop(**segment_, slot(), index_, {SlotState::kOpen, 0, length_}, Counter::kDroppedFull);
    }

    void hold(uint32_t slot) { index_ = slot; }  // of another thread's span

    LevelWriter& writer() { return writer_; }
    Slot& slot() { return segment_->view().slot(index_); }

private:
    SegmentInMemory* segment_ = nullptr;
    LevelWriter writer_;
    uint32_t index_ = 0;
    uint32_t length_ = kFieldBytes;
    uint8_t which_ = 0;
};

// The plain stores of a thread, so that a death may find them not yet made.
inline void watch(Stepper& stepper, SegmentView view, uint32_t slots) {
    for (uint32_t i = 0; i < slots; ++i) {
        Slot& slot = view.slot(kSlot + i);
        stepper.watch(slot.generation);
        stepper.watch(slot.intent_word);
        stepper.watch(slot.intent_ended);
        stepper.watch(slot.intent_dropped);
        stepper.watch(slot.intent_cause);
        stepper.watch(reinterpret_cast<uint64_t(&)[2]>(slot.data));
    }
    // The scope record in front of the first span is 6 bytes long.
    for (uint32_t at = 0; at < 32; at += 8)
        stepper.watch(*reinterpret_cast<uint64_t*>(view.chunk_bytes(0, kSmallChunk) + at));
}

// Recovers the dead and compares what is there with what is counted.
inline void recover_and_audit(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    const SegmentView view = segment.view();
    std::vector<uint32_t> open;
    RecoveryFault fault = RecoveryFault::kNone;
    stepper.run({[&] { fault = Recovery<>(view, segment.extents(), kCounterLinesPerPage).run(open); }}, choices);
    if (fault != RecoveryFault::kNone) return stepper.complain(describe(fault));
    const CounterSums sums = sum_counters(view);
    const auto counted = [&](Counter which) { return sums[static_cast<uint32_t>(which)]; };
    uint64_t committed = 0;
    for (uint32_t chunk = 0; chunk < kChunksPerExtent; ++chunk) {
        const ChunkWord word = ChunkWord::unpack(view.chunk_line(chunk).word);
        committed += word.spans;
        for (uint32_t span = 0; span < word.spans; ++span) {
            const uint8_t* const bytes = view.chunk_bytes(chunk, kSmallChunk) + kScopeRecordSize + span * kSpanBytes;
            for (uint32_t i = 0; i < kSpanBytes; ++i)
                if (bytes[i] != span + 1) stepper.complain("a committed byte is not what was written");
        }
    }
    segment.extents().each_slot([&](uint32_t number) {
        const Slot& slot = view.slot(number);
        if (SlotWord::unpack(slot.word).state != SlotState::kWaiting) return;
        ++committed;
        if (slot.intent_word != slot.generation) stepper.complain("a span that waits has the end of another");
        for (uint32_t i = 0; i < kFieldBytes; ++i)
            if (slot.data[i] != slot.generation) stepper.complain("a span that waits has bytes of another");
    });
    if (counted(Counter::kEnded) != committed + counted(Counter::kDroppedFull))
        stepper.complain("ended: " + std::to_string(counted(Counter::kEnded)) + ", committed: " +
                         std::to_string(committed) + ", dropped: " + std::to_string(counted(Counter::kDroppedFull)));
    if (counted(Counter::kStarted) != counted(Counter::kEnded) + open.size())
        stepper.complain("started: " + std::to_string(counted(Counter::kStarted)) + ", ended: " +
                         std::to_string(counted(Counter::kEnded)) + ", open: " + std::to_string(open.size()));
    for (const uint32_t slot : open) {
        SlotCopy copy;
        if (!copy_slot(view, segment.extents(), slot, copy)) return stepper.complain("an open slot cannot be copied");
        for (const uint8_t byte : copy.data)
            if (byte != counted(Counter::kStarted)) stepper.complain("an open span has bytes of another");
    }
}

// ---- A process is killed --------------------------------------------------------------------------------------------

inline void killed_between_start_and_end(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset();
    memset(segment.view().chunk_bytes(0, kSmallChunk), 0, 32);
    Thread thread(segment, 1);
    watch(stepper, segment.view(), 1);
    stepper.run({[&] {
                    for (uint8_t which = 1; which <= 2; ++which) {
                        thread.start(which);
                        thread.end();
                    }
                }},
                choices, 1);
    recover_and_audit(segment, stepper, choices);
}

inline void killed_while_a_field_is_set(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset();
    Thread thread(segment, 1);
    watch(stepper, segment.view(), 1);
    stepper.run({[&] {
                    thread.start(1);
                    thread.set();
                }},
                choices, 1);
    recover_and_audit(segment, stepper, choices);
}

// The slot is full to the last byte, so that the field makes the data move into a block.
inline void killed_while_growing(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset({ExtentKind::kSmallChunks, ExtentKind::kSlots, ExtentKind::kBlocks2K});
    const SegmentView view = segment.view();
    memset(view.slot(kSlot).data, 1, kSlotInlineData);
    Thread thread(segment, 1);
    watch(stepper, view, 1);
    uint8_t* const block = view.block(2 * kBlockNumbers);
    stepper.watch(reinterpret_cast<uint64_t(&)[2]>(*block));
    stepper.watch(reinterpret_cast<uint64_t(&)[1]>(*(block + kSlotInlineData)));
    stepper.run({[&] {
                    thread.start(1, kSlotInlineData);
                    thread.set();
                }},
                choices, 1);
    recover_and_audit(segment, stepper, choices);
}

inline void killed_while_dropping(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset();
    Thread thread(segment, 1);
    watch(stepper, segment.view(), 1);
    stepper.run({[&] {
                    for (uint8_t which = 1; which <= 2; ++which) {
                        thread.start(which);
                        thread.drop();
                    }
                }},
                choices, 1);
    recover_and_audit(segment, stepper, choices);
}

// Twice, with another line each time: what is left of the first intent must not be taken for the second.
inline void killed_while_overwriting(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset();
    const SegmentView view = segment.view();
    ChunkLine& line = view.chunk_line(0);
    uint8_t* const bytes = view.chunk_bytes(0, kSmallChunk);
    view.writer().counter_lines = 2;
    // So that either half of the second intent, with the other of the first, would raise a line.
    const uint64_t counted[2] = {5, choices.pick(2) == 0 ? uint64_t{3} : uint64_t{7}};
    for (uint32_t i = 0; i < 2; ++i) counter(view, i, Counter::kDroppedOverwritten) = counted[i];
    ChunkWriter<> writer;
    writer.claim(0, line, kWholeExtent, bytes, kCapacity, 0);
    append(writer, 1);
    append(writer, 1);
    writer.seal(1);
    stepper.run({[&] {
                    for (uint32_t i = 0; i < 2; ++i) {
                        Loss loss{i, counted[i]};
                        writer.overwrite(0, line, view.chunk_mark(0), bytes, kCapacity, 0, loss);
                        StdAtomics::store(counter(view, i, Counter::kDroppedOverwritten), counted[i] + loss.spans,
                                          std::memory_order_relaxed);
                        writer.commit(writer.next(kRecord, 1));
                        writer.seal(2 + i);
                    }
                }},
                choices, 1);
    std::vector<uint32_t> open;
    stepper.run({[&] { Recovery<>(view, segment.extents(), 2).run(open); }}, choices);
    const uint64_t lost[] = {0, 2, 3};  // by generations overwritten
    uint64_t found = 0;
    for (uint32_t i = 0; i < 2; ++i) found += counter(view, i, Counter::kDroppedOverwritten) - counted[i];
    const uint32_t generation = ChunkWord::unpack(line.word).generation;
    if (found != lost[generation - 1])
        stepper.complain("lost: " + std::to_string(lost[generation - 1]) + ", counted: " + std::to_string(found));
}

// ---- An agent is killed ---------------------------------------------------------------------------------------------

// It acknowledges a chunk in two steps and frees it; a writer goes on with the chunk if it is free. The next agent,
// killed as well while it puts things right, and the one after it, which counts what is acknowledged and what is still
// to be sent.
inline void agent_killed_while_acknowledging(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset();
    const SegmentView view = segment.view();
    ChunkLine& line = view.chunk_line(0);
    ChunkWriter<> writer;
    writer.claim(0, line, kWholeExtent, view.chunk_bytes(0, kSmallChunk), kCapacity, 0);
    append(writer, 1);
    append(writer, 1);
    writer.seal(1);
    const ChunkWord full = ChunkWord::unpack(line.word);
    uint64_t written = 2;
    stepper.run({[&] {
                    AckBook<> book;
                    book.open(view, segment.extents());
                    for (uint32_t spans = 1; spans <= 2; ++spans) {
                        Totals totals = book.totals();
                        totals.acknowledged = spans;
                        book.move_mark(0, mark_of(full.generation, spans * kRecord, spans), totals);
                    }
                    ChunkReader<>::release(view, 0, full.generation);
                }},
                choices, 1);
    // Where the chunk is not free the writer only looks; and what it learns by that the next agent would know, which
    // comes after it here and nowhere else.
    if (ChunkWord::unpack(line.word).state == ChunkState::kFree)
        stepper.run({[&] {
                        if (!writer.claim(0, line, kWholeExtent, view.chunk_bytes(0, kSmallChunk), kCapacity, 0))
                            return;
                        writer.commit(writer.next(kRecord, 1));
                        written = 3;
                    }},
                    choices);
    stepper.run({[&] {
                    AckBook<> book;
                    book.open(view, segment.extents());
                }},
                choices, 1);
    AckBook<> book;
    bool sound = false;
    ChunkWord word, mark;
    stepper.run({[&] {
                    sound = book.open(view, segment.extents());
                    word = ChunkReader<>::committed(line);
                    mark = ChunkReader<>::mark(view, 0);
                }},
                choices);
    if (!sound) return stepper.complain("the journal names something that is not there");
    uint32_t length = 0, spans = 0;
    if (!acknowledged_part(mark, word, length, spans)) return stepper.complain("a mark behind the end of its chunk");
    const uint64_t rest = word.spans - spans;
    if (book.totals().acknowledged + rest != written)
        stepper.complain("written: " + std::to_string(written) + ", acknowledged: " +
                         std::to_string(book.totals().acknowledged) + ", to be sent: " + std::to_string(rest));
}

// The unfinished span of a dead process is exported: its slot and the totals move together.
inline void agent_killed_while_closing_a_slot(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset();
    const SegmentView view = segment.view();
    Slot& slot = view.slot(kSlot);
    slot.generation = 5;
    slot.word = SlotWord{SlotState::kOpen, 0, 0}.pack();
    stepper.run({[&] {
                    AckBook<> book;
                    book.open(view, segment.extents());
                    Totals totals = book.totals();
                    totals.unfinished = 1;
                    book.close_slot(kSlot, 5, totals);
                }},
                choices, 1);
    AckBook<> book;
    std::vector<uint32_t> open;
    stepper.run({[&] {
                    book.open(view, segment.extents());
                    Recovery<>(view, segment.extents(), 0).run(open);
                }},
                choices);
    if (book.totals().unfinished + open.size() != 1)
        stepper.complain("an unfinished span is exported " + std::to_string(book.totals().unfinished + open.size()) +
                         " times");
}

// It is killed while it recovers a dead process; the next one recovers it again.
inline void agent_killed_while_recovering(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset();
    const SegmentView view = segment.view();
    view.writer().counter_lines = kCounterLinesPerPage;
    view.chunk_line(0).word = ChunkWord{ChunkState::kOpen, 1, kScopeRecordSize + kSpanBytes, 1}.pack();
    memset(view.chunk_bytes(0, kSmallChunk) + kScopeRecordSize, 1, kSpanBytes);
    const SlotState states[] = {SlotState::kEnding, SlotState::kEnding, SlotState::kDropping};
    for (uint32_t i = 0; i < 3; ++i) {
        Slot& slot = view.slot(kSlot + i);
        slot.line = slot.intent_line = i;
        slot.started = slot.intent_ended = slot.intent_dropped = 1;
        slot.intent_cause = static_cast<uint32_t>(Counter::kDroppedFull);
        slot.intent_word = ChunkWord{ChunkState::kOpen, 1, kScopeRecordSize + (i + 1) * kSpanBytes, i + 1}.pack();
        slot.word = SlotWord{states[i], 0, 0}.pack();
    }
    std::vector<uint32_t> open;
    stepper.run({[&] { Recovery<>(view, segment.extents(), kCounterLinesPerPage).run(open); }}, choices, 1);
    recover_and_audit(segment, stepper, choices);
}

// ---- A thread vanishes, its process lives on ------------------------------------------------------------------------

// A had a slot before C has it; B settles what A left while C starts a span in it and ends or drops that.
template <bool drops>
void heir_beside_a_living_thread(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset();
    const SegmentView view = segment.view();
    Thread vanished(segment, 1);
    counter(view, 1, Counter::kStarted) = counter(view, 1, Counter::kEnded) = counter(view, 1, Counter::kDroppedFull) =
        100;
    Thread living(segment, 3);
    vanished.start(1);
    drops ? vanished.drop() : vanished.end();
    Slot& slot = view.slot(kSlot);
    slot.intent_dropped = slot.intent_ended;
    watch(stepper, view, 1);
    stepper.run({[&] {}}, choices, 1);  // A is gone
    const uint64_t before = slot.word;
    // Its slot came to C: through the pool, which the pool's own scenarios are about.
    stepper.run({[&] { vanished.writer().settle(*segment); },
                 [&] {
                     living.writer().return_slot(*segment, view.slot(kSlot), kSlot);
                     living.start(2);
                     drops ? living.drop() : living.end();
                 }},
                choices);
    if (before != 0 || slot.word != 0) stepper.complain("the slot is not free");
    if (counter(view, 0, Counter::kStarted) != 1 || counter(view, 0, Counter::kEnded) != 1)
        stepper.complain("the line of the thread that vanished was raised by what another did");
    if (counter(view, 1, Counter::kStarted) != 101 || counter(view, 1, Counter::kEnded) != 101)
        stepper.complain("the living thread's span is not counted");
    uint32_t again = 0;  // the living one has it in its cache; nobody else may
    for (uint32_t i = 0; i < 2; ++i) again += segment->take_slot() == kSlot;
    if (again != 0) stepper.complain("the slot was given away while another thread has it");
}

// A vanishes with a span open that C holds: C ends it and starts its own in the same slot, while B settles.
inline void heir_beside_a_hand_over(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset();
    const SegmentView view = segment.view();
    Thread vanished(segment, 1);
    counter(view, 1, Counter::kStarted) = counter(view, 1, Counter::kEnded) = 100;
    Thread living(segment, 3);
    vanished.start(1);
    watch(stepper, view, 1);
    stepper.run({[&] {}}, choices, 1);  // A is gone
    stepper.run({[&] { vanished.writer().settle(*segment); },
                 [&] {
                     living.hold(kSlot);
                     living.end();
                     living.start(2);
                 }},
                choices);
    if (counter(view, 0, Counter::kStarted) != 1 || counter(view, 0, Counter::kEnded) != 0)
        stepper.complain("the line of the thread that vanished was raised by what another did");
    if (counter(view, 1, Counter::kStarted) != 101 || counter(view, 1, Counter::kEnded) != 101)
        stepper.complain("what the living thread did is not counted");
}

// A vanishes in the middle of a span; B settles that, parks A's chunk and C goes on with it.
inline void heir_of_a_thread_in_a_span(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset();
    const SegmentView view = segment.view();
    memset(view.chunk_bytes(0, kSmallChunk), 0, 32);
    Thread vanished;
    watch(stepper, view, 1);
    stepper.run({[&] {
                    vanished.open(segment, 1);
                    vanished.start(1);
                    vanished.end();
                }},
                choices, 1);
    if (!vanished.writer().is_open()) return;  // it never came so far
    stepper.run({[&] {
                    vanished.writer().settle(*segment);
                    vanished.writer().leave(*segment);
                }},
                choices);
    if (view.slot(kSlot).word != 0) return;  // open: it is the application's to end
    const uint64_t started = counter(view, 0, Counter::kStarted), ended = counter(view, 0, Counter::kEnded);
    const ChunkWord word = ChunkWord::unpack(view.chunk_line(0).word);
    if (started != ended || ended != word.spans)
        stepper.complain("started: " + std::to_string(started) + ", ended: " + std::to_string(ended) +
                         ", committed: " + std::to_string(word.spans));
}

}  // namespace spanring::test
