// SPDX-License-Identifier: Apache-2.0
//
// The writer's side of one chunk: claim, append, publish, give away. One thread at one signal level owns the object and,
// while attached, the chunk; nothing here waits.
//
//     operation      chunk word                        with whom it may race
//     claim()        FREE -> OPEN, generation + 1      other writers of the process (compare-exchange)
//     adopt()        PARKED -> OPEN                    other writers of the process (compare-exchange)
//     overwrite()    FULL -> OPEN, generation + 1      other writers and the agent (compare-exchange)
//     commit()       OPEN, longer                      readers only
//     seal()         OPEN -> FULL                      readers only
//     park()         OPEN -> PARKED                    readers only
#pragma once

#include <cstdint>

#include "ring/atomics.hpp"
#include "ring/chunk_word.hpp"
#include "ring/testpoint.hpp"

namespace spanring::ring {

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

    // HOT. Asks for the cache lines of the next record, for writing: the agent's core has read what was in them last, and
    // fetching them back one by one at the end would cost more than all the rest of a span. Room or not, attached or not.
    void prefetch() const {
        const uint8_t* const next = place();
        for (uint32_t i = 0; i < kPrefetchLines; ++i) prefetch_for_write(next + i * 64);
    }

    bool claim(uint32_t chunk, ChunkLine& line, uint8_t* bytes, uint32_t capacity, uint32_t owner) {
        ChunkWord old;
        return take(chunk, line, bytes, capacity, owner, ChunkState::kFree, true, old);
    }
    bool adopt(uint32_t chunk, ChunkLine& line, uint8_t* bytes, uint32_t capacity, uint32_t owner) {
        ChunkWord old;
        return take(chunk, line, bytes, capacity, owner, ChunkState::kParked, false, old);
    }
    // ret_lost: the word that was overwritten; the one that was exchanged, not another look at it.
    bool overwrite(uint32_t chunk, ChunkLine& line, uint8_t* bytes, uint32_t capacity, uint32_t owner, ChunkWord& ret_lost) {
        return take(chunk, line, bytes, capacity, owner, ChunkState::kFull, true, ret_lost);
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

    // Forgets the chunk without touching it: in the child after fork(), where it is the parent's.
    void forget() { *this = ChunkWriter(); }

private:
    static constexpr uint32_t kPrefetchLines = 4;  // 256 bytes: a span with some attributes

    static void prefetch_for_write(const void* place) {
#if defined(__x86_64__) || defined(__i386__)
        asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(place)));  // does nothing where it is not known
#else
        __builtin_prefetch(place, 1);
#endif
    }

    bool take(uint32_t chunk, ChunkLine& line, uint8_t* bytes, uint32_t capacity, uint32_t owner, ChunkState from, bool renew,
              ChunkWord& ret_old) {
        uint64_t seen = Atomics::load(line.word, std::memory_order_relaxed);  // relaxed: the exchange below decides
        const ChunkWord old = ChunkWord::unpack(seen);
        if (old.state != from) return false;
        const ChunkWord claimed = renew ? ChunkWord{ChunkState::kOpen, (old.generation + 1) & ChunkWord::kGenerationMask, 0, 0}
                                        : ChunkWord{ChunkState::kOpen, old.generation, old.length, old.spans};
        // acquire: what the chunk's last user did comes before what this one writes. Pairs with the agent's release
        // store of FREE, or with the release in leave(). Without it this thread's bytes could be overtaken by reads of
        // the agent that came before its FREE.
        if (!Atomics::compare_exchange(line.word, seen, claimed.pack(), std::memory_order_acquire)) return false;
        ret_old = old;
        // relaxed: only the process itself reads it, and only of a thread that is known to be gone.
        Atomics::store(line.owner, owner, std::memory_order_relaxed);
        line_ = &line;
        bytes_ = bytes;
        capacity_ = capacity;
        chunk_ = chunk;
        word_ = claimed.pack();
        scope_ = kNoScope;
        SPR_TESTPOINT(claimed);
        return true;
    }

    void leave(ChunkState state) {
        ChunkWord left = ChunkWord::unpack(word_);
        left.state = state;
        // release: everything this thread wrote is before its departure. Pairs with the reader's acquire load and, for
        // PARKED, with the acquire in take(). Without it the next owner's or reader's view could miss committed bytes.
        Atomics::store(line_->word, left.pack(), std::memory_order_release);
        *this = ChunkWriter();
    }

    uint32_t length() const { return ChunkWord::unpack(word_).length; }

    ChunkLine* line_ = nullptr;
    uint8_t* bytes_ = nullptr;
    uint32_t capacity_ = 0;
    uint32_t chunk_ = 0;
    uint32_t scope_ = kNoScope;
    uint64_t word_ = 0;  // packed; the writer's own copy: it never reads the word back
};

}  // namespace spanring::ring
