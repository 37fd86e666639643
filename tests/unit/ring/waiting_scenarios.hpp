// SPDX-License-Identifier: Apache-2.0
//
// Spans that end where no chunk has room and wait in their slots: beside an agent that takes them, and where a process,
// an agent or a thread is killed in the middle. Explored by orders_test.cpp.
#pragma once

#include "unit/ring/life_scenarios.hpp"

namespace spanring::test {

// An agent that has filled its journal before: what it notes next is little.
inline void open_used(AckBook<>& book, SegmentInMemory& segment) {
    book.open(segment.view(), segment.extents());
    book.close_waiting_slot(kSlot + 3, 0, book.totals());  // in which nothing waits
    segment.view().control().done = 0;
}

// Two wait; the agent finds them by the count, reads them and gives their slots back; the process finds these by the
// other count, and uses them.
inline void waiting_and_done(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset();
    const SegmentView view = segment.view();
    Thread thread(segment, 1);
    uint32_t content[2] = {};  // of their slots
    AckBook<> book;
    open_used(book, segment);
    thread.start(1);
    stepper.run({[&] {
                     Stepper::plain_write(&content[0], sizeof content[0]);
                     thread.wait(1);
                     Stepper::plain_write(&content[1], sizeof content[1]);
                     thread.start(2);
                     thread.wait(2);
                     const bool is_one = StdAtomics::load(view.control().done, std::memory_order_relaxed) != 0;
                     const bool found = segment->take_done();
                     if (is_one && !found) stepper.complain("a slot is done by the count, and not by its word");
                     for (uint32_t taken = 0; found && taken < 2; ++taken) {
                         const uint32_t slot = segment->take_slot();
                         if (slot - kSlot < 2) Stepper::plain_write(&content[slot - kSlot], sizeof content[0]);
                     }
                 },
                 [&] {
                     Totals totals = book.totals();
                     const uint64_t waits = StdAtomics::load(view.writer().waits, std::memory_order_acquire);
                     for (uint32_t i = 0; i < 2; ++i) {
                         const uint64_t word = StdAtomics::load(view.slot(kSlot + i).word, std::memory_order_acquire);
                         if (SlotWord::unpack(word).state != SlotState::kWaiting) {
                             if (i < waits) stepper.complain("a span waits by the count, and not by its slot's word");
                             return;
                         }
                         if (StdAtomics::load(counter(view, 0, Counter::kEnded), std::memory_order_relaxed) < i + 1)
                             stepper.complain("the agent has a span whose end is not counted");
                         Stepper::plain_read(&content[i], sizeof content[0]);
                         ++totals.acknowledged;
                         book.close_waiting_slot(kSlot + i, 1, totals);
                     }
                 }},
                choices);
}

// In the slot of a span that was committed: its intent must not be taken for that of the one that waits.
inline void killed_while_waiting(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset();
    memset(segment.view().chunk_bytes(0, kSmallChunk), 0, 32);
    Thread thread(segment, 1);
    watch(stepper, segment.view(), 1);
    stepper.run({[&] {
                    thread.start(1);
                    thread.end();
                    thread.start(2);
                    if (!thread.wait(2)) stepper.complain("it may not wait");
                }},
                choices, 1);
    recover_and_audit(segment, stepper, choices);
}

// It closes the slot of a span that waits, and is killed; the next one comes while the process goes on, in the same
// slot.
inline void agent_killed_while_closing_a_waiting_slot(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset();
    const SegmentView view = segment.view();
    Thread thread(segment, 1);
    watch(stepper, view, 1);
    thread.start(1);
    thread.wait(1);
    AckBook<> killed;
    open_used(killed, segment);
    stepper.run({[&] {
                    Totals totals = killed.totals();
                    totals.acknowledged = 1;
                    killed.close_waiting_slot(kSlot, 1, totals);
                }},
                choices, 1);
    AckBook<> book;
    bool sound = false;
    stepper.run({[&] { sound = book.open(view, segment.extents()); },
                 [&] {
                     if (!segment->take_done()) return;
                     thread.start(2);
                     thread.wait(2);
                 }},
                choices);
    if (!sound) return stepper.complain("the journal names something that is not there");
    const uint64_t waiting = SlotWord::unpack(view.slot(kSlot).word).state == SlotState::kWaiting;
    const uint64_t ended = counter(view, 0, Counter::kEnded);
    if (book.totals().acknowledged + waiting != ended)
        stepper.complain("ended: " + std::to_string(ended) + ", acknowledged: " +
                         std::to_string(book.totals().acknowledged) + ", waiting: " + std::to_string(waiting));
}

// A vanishes while a span of it begins to wait; B settles that, and an agent that comes then finds it, or it is open.
inline void heir_of_a_thread_in_a_span_that_waits(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset();
    const SegmentView view = segment.view();
    Thread vanished;
    watch(stepper, view, 1);
    stepper.run({[&] {
                    vanished.open(segment, 1);
                    vanished.start(1);
                    vanished.wait(1);
                }},
                choices, 1);
    if (!vanished.writer().is_open()) return;
    stepper.run({[&] {
                    vanished.writer().settle(*segment);
                    vanished.writer().leave(*segment);
                }},
                choices);
    const SlotState state = SlotWord::unpack(view.slot(kSlot).word).state;
    const uint64_t started = counter(view, 0, Counter::kStarted), ended = counter(view, 0, Counter::kEnded);
    if (state == SlotState::kEnding) stepper.complain("it ends for ever");
    if (state == SlotState::kWaiting && view.writer().waits == 0)
        stepper.complain("it waits, and the agent is not told");
    if (ended != (state == SlotState::kWaiting ? 1u : 0u) || started != (state == SlotState::kFree ? 0u : 1u))
        stepper.complain("started: " + std::to_string(started) + ", ended: " + std::to_string(ended));
}

}  // namespace spanring::test
