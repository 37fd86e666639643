// SPDX-License-Identifier: Apache-2.0
//
// What one thread owns of the segment at one signal level: a chunk, a few free slots, a counter line. Here is the order
// of stores that makes a kill at any instruction harmless:
//
//     start:  fill the slot           | slot OPEN       | count started
//     end:    intent in the slot      | slot ENDING     | commit in the chunk | count ended | slot FREE
//     drop:   intent in the slot      | slot DROPPING   | count the cause     | count ended | slot FREE
//     wait:   intent in the slot      | slot ENDING     | count ended         | slot WAITING | tell the agent
//
// Recovery repeats what may be missing, from the intent (settlement.hpp); settle() does the same for a thread that
// vanished while its process lives on.
#pragma once

#include <cstdint>

#include "ring/chunk_writer.hpp"
#include "ring/segment.hpp"

namespace spanring::ring {

// A slot that is one thread's, with its address, which a start would otherwise compute.
struct HeldSlot {
    Slot* slot = nullptr;
    uint32_t index = 0;

    explicit operator bool() const { return slot != nullptr; }
};

class LevelWriter {
public:
    static constexpr uint32_t kSharedLine = ~uint32_t{0};  // in Slot::line: counted in WriterPage::shared_line

    // Before first use, once for a thread (and again in a child). owner: thread id. COLD.
    void open(Segment& segment, uint32_t owner);

    // The thread leaves: its chunk, slots and line go to the next one. COLD.
    void leave(Segment& segment);

    // The thread vanished in the middle of whatever it did: what it had begun is settled as after a death, so that
    // leave() gives away nothing but what is whole. By the one heir of the thread's state. COLD.
    void settle(Segment& segment);

    // In a child after fork(): forgets what is the parent's.
    void forget() { *this = LevelWriter(); }

    bool is_open() const { return open_; }

    // A free slot for this writer alone, or none.
    HeldSlot take_slot(Segment& segment) {
        if (free_slots_ != 0) [[likely]]
            return slots_[--free_slots_];
        return take_new_slot(segment);
    }

    // HOT. One that the thread has kept; asked for before, with nothing in between.
    bool has_kept_slot() const { return free_slots_ != 0; }
    HeldSlot take_kept_slot() { return slots_[--free_slots_]; }

    // The slot was filled; from here on the span is started.
    void publish_start(Slot& slot, SlotWord word) {
        const uint64_t started = counts_[index(Counter::kStarted)] + 1;
        // Atomic for settle(), which looks at slots of living threads as well. relaxed: published by the two below.
        StdAtomics::store(slot.line, line_index_, std::memory_order_relaxed);
        // release: the line before the number that is true of it. Pairs with the acquire in settle(). Without it the
        // number of this start could be taken for one of the slot's last user, and that line be raised to it.
        StdAtomics::store(slot.started, started, std::memory_order_release);
        // release: publishes the slot's content to whoever recovers it. Pairs with the acquire in
        // Recovery::settle_slot() and in settle(). Without it these could take a half-filled slot for a span.
        StdAtomics::store(slot.word, word.pack(), std::memory_order_release);
        SPR_TESTPOINT(slot_opened);
        chunk_.prefetch();
        prefetch_next_slot();
        note_count(Counter::kStarted, started, 1);
        SPR_TESTPOINT(start_counted);
    }

    // Makes sure that `bytes` (and a scope record in front of them, if one is needed) fit into the chunk. False: ring
    // full.
    bool make_room(Segment& segment, uint32_t bytes) {
        if (chunk_.attached() && chunk_.room() >= bytes + kScopeRecordSize) [[likely]]
            return true;
        return next_chunk(segment, bytes + kScopeRecordSize);
    }

    // Where the record is to be written, with a scope record already in front where the scope changes. After
    // make_room().
    uint8_t* place(uint32_t scope) {
        uint8_t* place = chunk_.place();
        if (scope == chunk_.scope()) [[likely]]
            return place;
        place[0] = kControlRecord;
        place[1] = kControlScope;
        for (int i = 0; i < 4; ++i) place[2 + i] = static_cast<uint8_t>(scope >> 8 * i);
        return place + kScopeRecordSize;
    }

    // HOT. Where a record of the scope that the chunk is at may be written, with `bytes` of room; nullptr: place() has
    // more to do.
    uint8_t* place_of_same(uint32_t scope, uint32_t bytes) const {
        return chunk_.attached() && scope == chunk_.scope() && chunk_.room() >= bytes ? chunk_.place() : nullptr;
    }
    // HOT. Whether a slot that comes back is kept.
    bool may_keep_slot() const { return free_slots_ < slot_room_; }
    // HOT. publish_end() for a record that lies there, of a slot without blocks, which may_keep_slot().
    [[gnu::always_inline]] void publish_end_of_same(HeldSlot held, uint64_t word, uint32_t bytes) {
        commit_end(*held.slot, SlotWord::unpack(word), chunk_.next(bytes, 1));
        keep_slot(held);
    }
    // HOT. The same, of one of many that are open: the next record may come before the next start, and slots that are
    // not kept come back as well.
    [[gnu::always_inline]] void publish_end_of_other(Segment& segment, HeldSlot held, uint64_t word, uint32_t bytes) {
        commit_end(*held.slot, SlotWord::unpack(word), chunk_.next(bytes, 1));
        chunk_.prefetch();
        if (may_keep_slot()) [[likely]]
            keep_slot(held);
        else
            pass_slot_on(segment, held);
    }

    // HOT. The record of `bytes` lies at place(scope): commit it and clear the slot.
    [[gnu::always_inline]] void publish_end(Segment& segment, Slot& slot, uint32_t slot_index, SlotWord word,
                                            uint32_t bytes) {
        const uint32_t size = bytes + (slot.scope == chunk_.scope() ? 0 : kScopeRecordSize);
        chunk_.set_scope(slot.scope);
        commit_end(slot, word, chunk_.next(size, 1));
        // Only now: settle() would give it back once more if this thread vanished in between.
        return_slot(segment, slot, slot_index);
    }

    // COLD. Nothing more comes into the chunk: of a span in a huge place, which would otherwise keep its memory.
    void seal(Segment& segment) { chunk_.seal(segment.next_sequence()); }

    // The span ends and is lost for a cause that is counted.
    [[gnu::noinline]] void publish_drop(Segment& segment, Slot& slot, uint32_t slot_index, SlotWord word,
                                        Counter cause) {
        StdAtomics::store(slot.intent_line, line_index_, std::memory_order_relaxed);  // as in publish_end()
        slot.intent_cause = static_cast<uint32_t>(cause);
        slot.intent_ended = counts_[index(Counter::kEnded)] + 1;
        slot.intent_dropped = counts_[index(cause)] + 1;
        word.state = SlotState::kDropping;
        // release: as in publish_end().
        StdAtomics::store(slot.word, word.pack(), std::memory_order_release);
        SPR_TESTPOINT(drop_intended);
        count(cause);
        SPR_TESTPOINT(drop_counted);
        count(Counter::kEnded);
        clear_slot(slot);
        return_slot(segment, slot, slot_index);  // only now, as above
    }

    // The span has ended, at that time, and no chunk has room for it: it waits in its slot, which is the agent's from
    // here on, and comes back by Segment::take_done(). False: too many wait, and it is still open.
    [[gnu::noinline]] bool publish_wait(Segment& segment, Slot& slot, SlotWord word, uint64_t end_unix_nano) {
        if (!segment.may_wait(word.place > kBlockClasses)) return false;
        // relaxed: as in publish_end().
        StdAtomics::store(slot.intent_chunk, kInSlot, std::memory_order_relaxed);
        StdAtomics::store(slot.intent_line, line_index_, std::memory_order_relaxed);
        slot.intent_word = end_unix_nano;
        slot.intent_ended = counts_[index(Counter::kEnded)] + 1;
        word.state = SlotState::kEnding;
        // release: as in publish_end(). From here on the span has ended.
        StdAtomics::store(slot.word, word.pack(), std::memory_order_release);
        SPR_TESTPOINT(wait_intended);
        count(Counter::kEnded);
        SPR_TESTPOINT(wait_counted);
        word.state = SlotState::kWaiting;
        // release: what the span is, when it ended, and its count before the state that makes it the agent's. Pairs
        // with the acquire in the agent's WaitingSlots. Without it the agent could send bytes of the slot's last user,
        // or free a slot whose end is not counted, of which nobody would know any more.
        StdAtomics::store(slot.word, word.pack(), std::memory_order_release);
        SPR_TESTPOINT(wait_published);
        --taken_;
        segment.note_waiting();
        return true;
    }

    // A free slot comes back, for the thread's next span: with the blocks that most spans need, if it has any.
    void return_slot(Segment& segment, Slot& slot, uint32_t slot_index) {
        if (may_keep_slot()) [[likely]] {
            if ((slot.blocks[kKeptClasses] | slot.blocks[kKeptClasses + 1]) != 0) [[unlikely]]
                segment.give_blocks(slot, kKeptClasses + 1);
            keep_slot({&slot, slot_index});
        } else {
            pass_slot_on(segment, {&slot, slot_index});
        }
    }

    // HOT. Whether it has a line of its own, and so is open.
    bool has_line() const { return line_ != nullptr; }
    // HOT. What is not sampled is counted in the line alone: no intent names it, so no copy is needed.
    void count_unsampled_in_line() {
        uint64_t& value = line_->values[index(Counter::kUnsampled)];
        // relaxed: as in note_count().
        StdAtomics::store(value, StdAtomics::load(value, std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
    void count_unsampled() {
        if (has_line()) [[likely]]
            count_unsampled_in_line();
        else if (shared_ != nullptr)  // relaxed: as in note_count()
            StdAtomics::fetch_add(shared_[index(Counter::kUnsampled)], uint64_t{1}, std::memory_order_relaxed);
    }

    // Of everything else.
    void count(Counter counter, uint64_t more = 1) { note_count(counter, counts_[index(counter)] + more, more); }

private:
    // `value`: what it is then, `more` of which are new.
    void note_count(Counter counter, uint64_t value, uint64_t more) {
        counts_[index(counter)] = value;
        // After the word that makes it true, which recovery takes for granted: a release store before does not hold
        // back a relaxed one after it. Without it a kill could leave a counter that is ahead of slot and chunk.
        StdAtomics::keep_order();
        // relaxed: single words with one writer; a live reader sums what it sees, recovery corrects by the intents.
        if (line_ != nullptr) [[likely]]
            StdAtomics::store(line_->values[index(counter)], value, std::memory_order_relaxed);
        else if (shared_ != nullptr)
            StdAtomics::fetch_add(shared_[index(counter)], more, std::memory_order_relaxed);  // many writers
    }

    static constexpr uint32_t kSlotCache = 8;
    static constexpr int32_t kMany = 64;         // spans that a thread has started and not ended
    static constexpr uint32_t kKeptClasses = 2;  // of blocks
    static_assert(kKeptClasses + 2 == kBlockClasses);
    static constexpr uint32_t index(Counter counter) { return static_cast<uint32_t>(counter); }

    HeldSlot take_new_slot(Segment& segment);
    void pass_slot_on(Segment& segment, HeldSlot held);
    bool next_chunk(Segment& segment, uint32_t bytes);
    void give_slots(Segment& segment);

    // HOT. Of a thread with many open: the slot of its next span was not in use for long, and starts fill it faster
    // than its lines come one by one.
    void prefetch_next_slot() const {
        if (static_cast<int32_t>(taken_) < kMany || free_slots_ == 0) [[likely]]
            return;
        prefetch_slot(slots_[free_slots_ - 1]);
    }
    static void prefetch_slot(HeldSlot held) {
        constexpr uint32_t kLines = 12;  // 576 bytes of data
        for (uint32_t line = 0; line < kLines; ++line)
            prefetch_for_write(reinterpret_cast<const uint8_t*>(held.slot) + line * 64);
    }

    void keep_slot(HeldSlot held) {
        slots_[free_slots_] = held;
        std::atomic_signal_fence(std::memory_order_release);  // never counted before it is there: leave() may come
        ++free_slots_;                                        // between the two, when the thread vanishes
    }

    [[gnu::always_inline]] void commit_end(Slot& slot, SlotWord word, ChunkWord next) {
        const uint64_t ended = counts_[index(Counter::kEnded)] + 1;
        // relaxed: published with the state. Atomic for settle(), which looks at slots of living threads as well.
        StdAtomics::store(slot.intent_chunk, chunk_.chunk(), std::memory_order_relaxed);
        StdAtomics::store(slot.intent_line, line_index_, std::memory_order_relaxed);
        slot.intent_word = next.pack();
        slot.intent_ended = ended;
        word.state = SlotState::kEnding;
        // release: the intent before the state that says it is valid. Pairs with the acquire in Recovery::settle_slot()
        // and in settle(). Without it the end could be settled by the intent of the slot's last user.
        StdAtomics::store(slot.word, word.pack(), std::memory_order_release);
        SPR_TESTPOINT(intent_written);
        chunk_.commit(next);
        note_count(Counter::kEnded, ended, 1);
        SPR_TESTPOINT(end_counted);
        clear_slot(slot);
    }

    void clear_slot(Slot& slot) {
        // release: the counters before the slot is free. Pairs with the acquire in Recovery::settle_slot(). Without it
        // recovery could find it free and the end uncounted.
        StdAtomics::store(slot.word, uint64_t{0}, std::memory_order_release);
        SPR_TESTPOINT(slot_cleared);
    }

    ChunkWriter<> chunk_;
    CounterLine* line_ = nullptr;
    uint64_t* shared_ = nullptr;
    uint32_t line_index_ = kSharedLine;
    uint32_t owner_ = 0;
    uint32_t free_slots_ = 0;
    uint32_t taken_ = 0;  // slots that the thread took less those that it gave away, of whoever's spans: it may be
                          // less than none, or more than there are
    bool open_ = false;
    bool had_chunk_ = false;
    uint32_t looks_ = 0;                 // Segment::looks() when the slots were last given back
    uint32_t slot_room_ = kSlotCache;    // how many may be kept; 0: the next one that comes back is not
    uint64_t full_mark_ = ~uint64_t{0};  // Segment::freed_mark() when nothing was free
    uint64_t full_until_ = 0;            // Segment::search_again_at() then
    uint64_t counts_[static_cast<uint32_t>(Counter::kCount)] = {};
    HeldSlot slots_[kSlotCache] = {};
};

}  // namespace spanring::ring
