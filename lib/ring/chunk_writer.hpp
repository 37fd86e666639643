// SPDX-License-Identifier: Apache-2.0
//
// The writer's side of one chunk: claim, append, publish, give away. One thread at one signal level owns the object
// and, while attached, the chunk; nothing here waits.
//
//     operation      chunk word                        with whom it may race
//     claim()        FREE -> OPEN, generation + 1      other writers; an agent that gives memory back (c.-exchange)
//     adopt()        PARKED -> OPEN                    other writers of the process (compare-exchange)
//     overwrite()    FULL -> EVICTING                  other writers and the agent (compare-exchange)
//                    EVICTING -> OPEN, generation + 1  the agent's looks (an exchange)
//     commit()       OPEN, longer                      readers only
//     seal()         OPEN -> FULL                      readers only
//     park()         OPEN -> PARKED                    readers only
//
// attached() is this object's note that the chunk is its own: taken down after the exchange that wins the chunk, and
// cleared before the store that gives it away. So whoever finds the object of a thread that vanished, at whatever
// instruction, may go on with the chunk that it notes: nobody else has it. (One that vanished between the exchange and
// its note leaves a chunk that is nobody's until the process ends; what is committed in it is drained nevertheless.)
#pragma once

#include <cstdint>

#include "ring/atomics.hpp"
#include "ring/chunk_fit.hpp"
#include "ring/chunk_word.hpp"
#include "ring/extent_word.hpp"
#include "ring/testpoint.hpp"

namespace spanring::ring {

// What overwriting a chunk costs, and where it is counted.
struct Loss {
    uint32_t line = 0;     // in: the counter line
    uint64_t counted = 0;  // in: its kDroppedOverwritten at present
    uint32_t spans = 0;    // out: committed, not acknowledged, and lost; the caller counts them
};

inline void prefetch_for_write(const void* place) {
#if defined(__x86_64__) || defined(__i386__)
    asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(place)));  // does nothing where it is not known
#else
    __builtin_prefetch(place, 1);
#endif
}

template <class Atomics = StdAtomics>
class ChunkWriter {
public:
    static constexpr uint32_t kNoScope = ~uint32_t{0};

    bool attached() const { return line_ != nullptr; }
    uint32_t chunk() const { return chunk_; }
    uint32_t room() const { return capacity_ - length(); }
    uint32_t scope() const { return scope_; }
    void set_scope(uint32_t scope) { scope_ = scope; }
    uint8_t* place() const { return bytes_ + length(); }

    // HOT. Asks for the cache lines of the next record, for writing: the agent's core has read what was in them last,
    // and fetching them back one by one at the end would cost more than all the rest of a span. Room or not, attached
    // or not.
    void prefetch() const {
        const uintptr_t next =
            reinterpret_cast<uintptr_t>(place());  // a number: without a chunk there is no memory to point into
        for (uint32_t i = 0; i < kPrefetchLines; ++i)
            prefetch_for_write(reinterpret_cast<const uint8_t*>(next + i * 64));
    }

    // Of a chunk of `size` bytes as much is room as so many spans may have, and no more: its word counts no others.
    // Asked again when that is used up. True: there is room for `bytes`.
    bool widen(uint32_t size, uint32_t bytes) {
        const ChunkWord now = word();
        const uint32_t most = now.length + (kMostSpansInChunk - now.spans) * kSmallestSpanRecord;
        capacity_ = size < most ? size : most;
        return room() >= bytes;
    }

    // Bytes of a record on average. 0: there is none.
    uint32_t mean() const {
        const ChunkWord now = word();
        return now.spans == 0 ? 0 : now.length / now.spans;
    }

    // `extent`: the word of the chunk's extent, whose memory may be gone.
    bool claim(uint32_t chunk, ChunkLine& line, const uint64_t& extent, uint8_t* bytes, uint32_t capacity,
               uint32_t owner) {
        const auto is_whole = [&] {
            // acquire: that there is memory. Pairs with the release in Segment::restore_extent(). Without it this
            // thread could touch what is not populated yet (SIGBUS on a full tmpfs).
            const uint64_t word = Atomics::load(extent, std::memory_order_acquire);
            return ExtentWord::unpack(word).memory == ExtentMemory::kWhole;
        };
        if (!take(chunk, line, bytes, capacity, owner, ChunkState::kFree, ChunkState::kOpen, is_whole)) return false;
        SPR_TESTPOINT(claimed);
        return true;
    }
    bool adopt(uint32_t chunk, ChunkLine& line, uint8_t* bytes, uint32_t capacity, uint32_t owner) {
        if (!take(chunk, line, bytes, capacity, owner, ChunkState::kParked, ChunkState::kOpen, always)) return false;
        SPR_TESTPOINT(adopted);
        return true;
    }
    // The oldest gives way. The loss is intended before the data is lost, and the caller counts it after: a kill
    // between any two of these steps leaves either the data, or an intent by which recovery counts it. `mark`: the
    // chunk's.
    bool overwrite(uint32_t chunk, ChunkLine& line, const uint64_t& mark, uint8_t* bytes, uint32_t capacity,
                   uint32_t owner, Loss& loss) {
        if (!take(chunk, line, bytes, capacity, owner, ChunkState::kFull, ChunkState::kEvicting, always)) return false;
        SPR_TESTPOINT(evicting);
        // relaxed: the agent moves the mark of no chunk that it has not taken, and this one it cannot take any more.
        const ChunkWord acknowledged = ChunkWord::unpack(Atomics::load(mark, std::memory_order_relaxed));
        const ChunkWord victim = word();
        const bool same = acknowledged.generation == victim.generation && acknowledged.spans <= victim.spans;
        loss.spans = victim.spans - (same ? acknowledged.spans : 0);
        // relaxed: the releases below keep it before them.
        Atomics::store(line.loss_generation, uint32_t{0}, std::memory_order_relaxed);
        SPR_TESTPOINT(loss_disarmed);
        // release, three times: disarmed, written, armed, in this order. Pairs with the acquire of the chunk's word in
        // Recovery::run(), after a kill: what counts is that no store moves across another. Otherwise an armed intent
        // could name the line or the number of an earlier loss, and spans be counted twice or not at all.
        Atomics::store(line.loss_line, loss.line, std::memory_order_release);
        Atomics::store(line.loss, loss.counted + loss.spans, std::memory_order_release);
        SPR_TESTPOINT(loss_written);
        Atomics::store(line.loss_generation, victim.generation + 1, std::memory_order_release);
        SPR_TESTPOINT(loss_armed);
        uint64_t evicting = word_;
        const ChunkWord open = {ChunkState::kOpen, (victim.generation + 1) & ChunkWord::kGenerationMask, 0, 0};
        // An exchange, although nobody else may change the word: the agent's look in ChunkReader::unchanged() is one as
        // well, so one of the two comes first. acquire: where that is the look, with the old generation, what the agent
        // copied before it was not yet touched by this thread's bytes, which come after; a store would let them
        // overtake it. release: the armed intent before the generation that makes it true. Pairs with the acquire in
        // Recovery::run(). Without it a kill could lose the data and its count. It fails if an agent breaks the
        // protocol.
        if (!Atomics::compare_exchange(line.word, evicting, open.pack(), std::memory_order_acq_rel)) {
            forget();
            return false;
        }
        word_ = open.pack();
        SPR_TESTPOINT(overwritten);
        return true;
    }

    // The word that will commit `size` more bytes, being `spans` records of spans.
    ChunkWord next(uint32_t size, uint32_t spans) const {
        return ChunkWord::unpack(ChunkWord::longer(word_, size, spans));
    }

    void commit(ChunkWord next) {
        word_ = next.pack();
        // release: publishes the bytes below the new length. Pairs with the acquire load of the word in the reader's
        // committed(). Without it the agent can read a committed length over stale bytes.
        Atomics::store(line_->word, word_, std::memory_order_release);
        SPR_TESTPOINT(committed);
    }

    void seal(uint64_t sequence) {
        Atomics::store(line_->sequence, sequence, std::memory_order_relaxed);  // ordered by the release below
        leave(ChunkState::kFull);
        SPR_TESTPOINT(sealed);
    }

    void park() {
        leave(ChunkState::kParked);
        SPR_TESTPOINT(parked);
    }

    // The thread that owned this object vanished: what it noted of the chunk may be ahead of the chunk's word or behind
    // it, and the word is what counts. Returns it; the chunk must be attached.
    ChunkWord resume() {
        // acquire: what that thread committed. Pairs with its release in commit(). Without it the chunk could be parked
        // at a length that the next owner does not see the bytes of.
        word_ = Atomics::load(line_->word, std::memory_order_acquire);
        return word();
    }
    const ChunkLine& line() const { return *line_; }

    // Gives back what a thread that vanished inside overwrite() had not lost yet: EVICTING -> FULL. False: it was not.
    bool spare() {
        if (word().state != ChunkState::kEvicting) return false;
        leave(ChunkState::kFull);
        return true;
    }

    // Forgets the chunk without touching it: in the child after fork(), where it is the parent's.
    void forget() { *this = ChunkWriter(); }

private:
    static constexpr bool always() { return true; }
    static constexpr uint32_t kPrefetchLines = 4;  // 256 bytes: a span with some attributes

    // `may`: asked between the look at the word and its exchange.
    template <class May>
    bool take(uint32_t chunk, ChunkLine& line, uint8_t* bytes, uint32_t capacity, uint32_t owner, ChunkState from,
              ChunkState to, May&& may) {
        // acquire: that the extent was taken before its chunks moved on. Pairs with the release in
        // ExtentGiver::move_on(). Without it this thread could see the chunk as it is, the extent as it was, and claim
        // what is punched. Of what is not FREE the exchange below decides.
        uint64_t seen = Atomics::load(line.word, std::memory_order_acquire);
        const ChunkWord old = ChunkWord::unpack(seen);
        if (old.state != from || !may()) return false;
        const ChunkWord taken = from == ChunkState::kFree
                                    ? ChunkWord{to, (old.generation + 1) & ChunkWord::kGenerationMask, 0, 0}
                                    : ChunkWord{to, old.generation, old.length, old.spans};
        // acquire: what the chunk's last user did comes before what this one writes. Pairs with the agent's release
        // store of FREE, or with the release in leave(). Without it this thread's bytes could be overtaken by reads of
        // the agent that came before its FREE.
        if (!Atomics::compare_exchange(line.word, seen, taken.pack(), std::memory_order_acquire)) return false;
        Atomics::store(line.owner, owner, std::memory_order_relaxed);  // relaxed: informational
        bytes_ = bytes;
        capacity_ = capacity;
        chunk_ = chunk;
        word_ = taken.pack();
        scope_ = kNoScope;
        std::atomic_signal_fence(std::memory_order_release);  // the note last: it says that the rest is there
        line_ = &line;
        return true;
    }

    void leave(ChunkState state) {
        ChunkLine& line = *line_;
        ChunkWord word = this->word();
        word.state = state;
        *this = ChunkWriter();
        // release: everything this thread wrote is before its departure, its own note included. Pairs with the reader's
        // acquire load and with the acquire in take(). Without it the next owner's or reader's view could miss
        // committed bytes, and two would go on with the chunk if this thread vanished here.
        Atomics::store(line.word, word.pack(), std::memory_order_release);
    }

    ChunkWord word() const { return ChunkWord::unpack(word_); }
    uint32_t length() const { return word().length; }

    ChunkLine* line_ = nullptr;
    uint8_t* bytes_ = nullptr;
    uint32_t capacity_ = 0;
    uint32_t chunk_ = 0;
    uint32_t scope_ = kNoScope;
    uint64_t word_ = 0;  // packed; the writer's own copy: only resume() reads the word back
};

}  // namespace spanring::ring
