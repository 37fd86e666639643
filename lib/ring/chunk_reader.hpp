// SPDX-License-Identifier: Apache-2.0
//
// The reader's side of one chunk: what is committed, whether that may be, taking it, giving it back. One thread of one
// agent. Nothing here trusts the word: it is loaded once into a local and compared with the reader's own copy of the
// last one. A word that breaks a rule is a result, never an assertion.
//
//     operation    chunk word                     with whom it may race
//     committed()  any                            the writer; only looks
//     take()       FULL -> TAKEN                  writers that overwrite (compare-exchange)
//     release()    FULL or TAKEN -> FREE          nobody: FULL is the agent's alone unless writers may overwrite, and
//                                                 then the agent frees only what it has taken
#pragma once

#include <cstdint>

#include "ring/atomics.hpp"
#include "ring/chunk_word.hpp"
#include "ring/segment_view.hpp"
#include "ring/testpoint.hpp"

namespace spanring::ring {

enum class ChunkFault : uint8_t {
    kNone,
    kState,       // no state, or one that only the agent makes
    kLength,      // longer than the chunk
    kSpans,       // more spans than fit, or spans in a free chunk
    kShrunk,      // shorter, or fewer spans, than before
    kReopened,    // changed after it was full, or freed by somebody else
    kGeneration,  // moved without going through FREE
};

constexpr const char* describe(ChunkFault fault) {
    switch (fault) {
        case ChunkFault::kNone: return "sound";
        case ChunkFault::kState: return "a chunk is in a state that its writer cannot cause";
        case ChunkFault::kLength: return "a chunk is longer than its capacity";
        case ChunkFault::kSpans: return "a chunk counts more spans than fit into it";
        case ChunkFault::kShrunk: return "a chunk became shorter within one generation";
        case ChunkFault::kReopened: return "a finished chunk changed";
        case ChunkFault::kGeneration: return "a chunk's generation moved without the chunk being free";
    }
    return "an unknown fault";
}

// What can be said of a word without knowing the one before.
constexpr ChunkFault check_word(ChunkWord word, uint32_t capacity, bool overwrite) {
    if (static_cast<uint32_t>(word.state) > static_cast<uint32_t>(ChunkState::kEvicting)) return ChunkFault::kState;
    if (!overwrite && (word.state == ChunkState::kTaken || word.state == ChunkState::kEvicting))
        return ChunkFault::kState;
    if (word.length > capacity) return ChunkFault::kLength;
    if (uint64_t{word.spans} * kSmallestSpanRecord > word.length) return ChunkFault::kSpans;
    if (word.state == ChunkState::kFree && word.length != 0) return ChunkFault::kSpans;
    return ChunkFault::kNone;
}

// Whether the writers can have led the chunk from `last`, as the reader last saw or made it, to `now`. Several steps
// may lie between.
constexpr ChunkFault check_transition(ChunkWord last, ChunkWord now, uint32_t capacity, bool overwrite) {
    if (now == last) return ChunkFault::kNone;
    if (const ChunkFault fault = check_word(now, capacity, overwrite); fault != ChunkFault::kNone) return fault;
    // FREE and TAKEN are the agent's to make, and what it made is `last`.
    if (now.state == ChunkState::kFree) return ChunkFault::kReopened;
    if (now.state == ChunkState::kTaken || last.state == ChunkState::kTaken) return ChunkFault::kState;
    if (now.generation != last.generation) {
        if (overwrite) return ChunkFault::kNone;  // any number of rounds since
        const bool claimed =
            last.state == ChunkState::kFree && now.generation == ((last.generation + 1) & ChunkWord::kGenerationMask);
        return claimed ? ChunkFault::kNone : ChunkFault::kGeneration;
    }
    if (last.state == ChunkState::kFree) return ChunkFault::kGeneration;  // claimed without a new generation
    // A writer that evicts leaves the content whole until the generation moves; if it vanishes, the chunk is FULL
    // again.
    if (last.state == ChunkState::kFull || last.state == ChunkState::kEvicting) {
        const ChunkState other = last.state == ChunkState::kFull ? ChunkState::kEvicting : ChunkState::kFull;
        const bool whole = now == ChunkWord{other, last.generation, last.length, last.spans};
        return whole ? ChunkFault::kNone : ChunkFault::kReopened;
    }
    if (now.length < last.length || now.spans < last.spans) return ChunkFault::kShrunk;
    return ChunkFault::kNone;
}

// ---- The acknowledged mark ------------------------------------------------------------------------------------------
//
// The mark of a chunk says how much of which generation the agent is done with: a ChunkWord in state FREE. It is reset,
// before the chunk becomes FREE, to nothing of the *next* generation. So an agent that was killed between the reset and
// FREE leaves a mark that is one generation ahead of a full chunk, which says: everything of it is acknowledged, only
// FREE is missing. And a mark never says anything about a chunk of another generation.

constexpr ChunkWord mark_of(uint32_t generation, uint32_t length, uint32_t spans) {
    return {ChunkState::kFree, generation, length, spans};
}
constexpr ChunkWord reset_mark(uint32_t generation) {
    return mark_of((generation + 1) & ChunkWord::kGenerationMask, 0, 0);
}

// What of `word` is acknowledged. False: the mark is impossible (longer than the chunk).
constexpr bool acknowledged_part(ChunkWord mark, ChunkWord word, uint32_t& ret_length, uint32_t& ret_spans) {
    ret_length = ret_spans = 0;
    if (word.state == ChunkState::kFree) return true;
    if (mark.generation == word.generation) {
        ret_length = mark.length;
        ret_spans = mark.spans;
        return mark.length <= word.length && mark.spans <= word.spans;
    }
    if (is_complete(word.state) && mark == reset_mark(word.generation)) {
        ret_length = word.length;
        ret_spans = word.spans;
    }
    return true;
}

// ---- Access ---------------------------------------------------------------------------------------------------------

template <class Atomics = StdAtomics>
struct ChunkReader {
    static ChunkWord committed(const ChunkLine& line) {
        // acquire: the bytes below the length are there. Pairs with the release stores in ChunkWriter::commit(), seal()
        // and park(). Without it the agent can read a committed length over stale bytes.
        return ChunkWord::unpack(Atomics::load(line.word, std::memory_order_acquire));
    }

    // After bytes were copied out of an OPEN chunk that may since have been sealed and overwritten: whether they still
    // were those of `word`.
    static bool unchanged(ChunkLine& line, ChunkWord word) {
        // An exchange of nothing rather than a load: acq_rel puts the copy before it, and as a write it has its place
        // among the writers' (adding 0 takes nothing from them). Where it finds the old generation, the exchange that
        // begins the next one in ChunkWriter::overwrite(), and the bytes after that, come later. With a load, or
        // relaxed, it could be done before the copy and bytes of the next generation be taken for those of this one.
        return ChunkWord::unpack(Atomics::fetch_add(line.word, uint64_t{0}, std::memory_order_acq_rel)).generation ==
               word.generation;
    }

    // Overwrite mode: wins a FULL chunk against the writers. On success `word` is what it is now.
    static bool take(ChunkLine& line, ChunkWord& word) {
        uint64_t expected = word.pack();
        ChunkWord taken = word;
        taken.state = ChunkState::kTaken;
        // acquire: the bytes below the length, as in committed(). Pairs with the release in ChunkWriter::leave(), in
        // which a chunk becomes FULL; the word may have been written again since it was loaded. Without it the agent
        // could read stale bytes.
        if (!Atomics::compare_exchange(line.word, expected, taken.pack(), std::memory_order_acquire)) return false;
        word = taken;
        return true;
    }

    static ChunkWord mark(SegmentView segment, uint32_t chunk) {
        // acquire: an earlier agent's totals before its mark. Pairs with the releases in AckBook::store() and in
        // release() below. Without it a mark could be believed whose spans are in no total yet.
        return ChunkWord::unpack(Atomics::load(segment.chunk_mark(chunk), std::memory_order_acquire));
    }

    // The chunk's bytes are read and acknowledged, and nobody in the agent can still see them. Returns the new word.
    static ChunkWord release(SegmentView segment, uint32_t chunk, uint32_t generation) {
        // release: ordered before FREE. Pairs with the acquire in mark(). The other way round, an agent that is killed
        // between the two leaves a free chunk whose next content counts as acknowledged: it would be lost.
        Atomics::store(segment.chunk_mark(chunk), reset_mark(generation).pack(), std::memory_order_release);
        SPR_TESTPOINT(mark_reset);
        const ChunkWord free_word = {ChunkState::kFree, generation, 0, 0};
        // release: every read of the bytes, here or in an exporter that gave its pin back, comes before FREE. Pairs
        // with the acquire exchange in ChunkWriter::take(). Without it the next owner could overwrite what is being
        // read.
        Atomics::store(segment.chunk_line(chunk).word, free_word.pack(), std::memory_order_release);
        SPR_TESTPOINT(chunk_freed);
        // release: FREE before the count. Pairs with the acquire load in the writer's freed_mark(): a writer that sees
        // the count finds the chunk.
        Atomics::fetch_add(segment.control().freed, uint64_t{1}, std::memory_order_release);
        return free_word;
    }
};

}  // namespace spanring::ring
