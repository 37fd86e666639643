// SPDX-License-Identifier: Apache-2.0
//
// What threads of a process and the agent do to one chunk, or to one pool, at the same time, with tiny capacities. Each
// complains about what it finds. Explored by schedules_test.cpp for itself, by orders_test.cpp with weakened orders.
#pragma once

#include <array>
#include <cstring>
#include <set>

#include "ring/chunk_reader.hpp"
#include "ring/chunk_writer.hpp"
#include "ring/extent_parts.hpp"
#include "ring/index_pool.hpp"
#include "unit/ring/checked_atomics.hpp"

namespace spanring::test {

using namespace ring;  // scenarios are written in its terms

inline constexpr uint32_t kCapacity = 12;
inline constexpr uint32_t kRecord = 4;

struct TinyChunk {
    ChunkLine line{};
    std::array<uint8_t, kCapacity> bytes{};

    ChunkWord word() const { return ChunkWord::unpack(line.word); }
};

inline constexpr uint64_t kWholeExtent = ring::ExtentWord{ring::ExtentKind::kSmallChunks}.pack();

template <class Atomics>
void append(ChunkWriter<Atomics>& writer, uint8_t value) {
    Stepper::plain_write(writer.place(), kRecord);
    memset(writer.place(), value, kRecord);
    writer.commit(writer.next(kRecord, 1));
}

// What a reader sees of the chunk: complaints where a record is torn or out of turn.
template <class Atomics>
ChunkWord read_all(Stepper& stepper, const TinyChunk& chunk) {
    const ChunkWord word = ChunkReader<Atomics>::committed(chunk.line);
    if (word.length % kRecord != 0 || word.length != word.spans * kRecord) stepper.complain("a length inside a record");
    Stepper::plain_read(chunk.bytes.data(), word.length);
    for (uint32_t i = 0; i < word.length; ++i)
        if (chunk.bytes[i] != i / kRecord + 1) stepper.complain("a committed byte that is not what was written");
    return word;
}

// ---- Two writers, one free chunk ------------------------------------------------------------------------------------

template <class Atomics>
void two_writers_claim(Stepper& stepper, Choices& choices) {
    TinyChunk chunk;
    ChunkWriter<Atomics> writers[2];
    bool won[2] = {};
    const auto claim = [&](uint32_t me) {
        won[me] = writers[me].claim(0, chunk.line, kWholeExtent, chunk.bytes.data(), kCapacity, me);
        if (!won[me]) return;
        append(writers[me], 1);
        writers[me].seal(1);
    };
    stepper.run({[&] { claim(0); }, [&] { claim(1); }}, choices);
    if (won[0] == won[1]) stepper.complain(won[0] ? "both claims won" : "both claims lost");
    if (chunk.word() != ChunkWord{ChunkState::kFull, 1, kRecord, 1}) stepper.complain("the word is not the winner's");
    if (chunk.line.owner != (won[1] ? 1u : 0u)) stepper.complain("the owner is not the winner");
}

// ---- A thread parks, another adopts ---------------------------------------------------------------------------------

template <class Atomics>
void park_and_adopt(Stepper& stepper, Choices& choices) {
    TinyChunk chunk;
    ChunkWriter<Atomics> leaving, coming, late;
    bool adopted[2] = {};
    if (!leaving.claim(0, chunk.line, kWholeExtent, chunk.bytes.data(), kCapacity, 0))
        stepper.complain("a free chunk was not claimed");
    const auto adopt = [&](ChunkWriter<Atomics>& writer, uint32_t me) {
        for (int attempt = 0; attempt < 2 && !adopted[me]; ++attempt)
            adopted[me] = writer.adopt(0, chunk.line, chunk.bytes.data(), kCapacity, me);
        if (!adopted[me]) return;
        Stepper::plain_read(chunk.bytes.data(), kCapacity - writer.room());  // what it goes on behind
        append(writer, 2);
    };
    stepper.run({[&] {
                     append(leaving, 1);
                     leaving.park();
                 },
                 [&] { adopt(coming, 0); }, [&] { adopt(late, 1); }},
                choices);
    if (adopted[0] && adopted[1]) stepper.complain("both adopted");
    const bool any = adopted[0] || adopted[1];
    if (chunk.word() !=
        ChunkWord{any ? ChunkState::kOpen : ChunkState::kParked, 1, any ? 2 * kRecord : kRecord, any ? 2u : 1u})
        stepper.complain("length, spans or generation did not survive the change of owner");
    if (chunk.bytes[0] != 1 || chunk.bytes[kRecord] != (any ? 2 : 0))
        stepper.complain("a record is not where it belongs");
}

// ---- A writer commits, a reader looks -------------------------------------------------------------------------------

template <class Atomics>
void commit_and_read(Stepper& stepper, Choices& choices) {
    TinyChunk chunk;
    ChunkWriter<Atomics> writer;
    const auto write = [&] {
        if (!writer.claim(0, chunk.line, kWholeExtent, chunk.bytes.data(), kCapacity, 0))
            return stepper.complain("a free chunk was not claimed");
        for (uint8_t record = 1; record <= kCapacity / kRecord; ++record) append(writer, record);
        writer.seal(1);
    };
    const auto read = [&] {
        ChunkWord last;
        for (int look = 0; look < 4; ++look) {
            const ChunkWord now = read_all<Atomics>(stepper, chunk);
            const ChunkFault fault = check_transition(last, now, kCapacity * 40, false);  // a record here is tiny
            if (fault != ChunkFault::kNone && fault != ChunkFault::kSpans) stepper.complain(describe(fault));
            last = now;
        }
    };
    stepper.run({write, read}, choices);
    if (chunk.word() != ChunkWord{ChunkState::kFull, 1, kCapacity, kCapacity / kRecord})
        stepper.complain("not all was committed");
}

// ---- The agent frees, a writer claims again -------------------------------------------------------------------------

class SegmentMemory {
public:
    SegmentMemory() : bytes_(new (std::align_val_t{kPage}) uint8_t[segment_size(1)]()) {}
    ~SegmentMemory() { operator delete[](bytes_, std::align_val_t{kPage}); }
    SegmentMemory(const SegmentMemory&) = delete;
    SegmentMemory& operator=(const SegmentMemory&) = delete;

    SegmentView view() const { return SegmentView(bytes_); }
    void forget(uint32_t chunk) {
        view().chunk_line(chunk) = ChunkLine();
        view().chunk_mark(chunk) = 0;
        view().control().freed = 0;
    }

private:
    uint8_t* bytes_;
};

template <class Atomics>
void free_and_claim(SegmentMemory& memory, Stepper& stepper, Choices& choices) {
    memory.forget(0);
    const SegmentView segment = memory.view();
    ChunkLine& line = segment.chunk_line(0);
    uint8_t* bytes = segment.chunk_bytes(0, kSmallChunk);
    ChunkWriter<Atomics> writer;
    const auto write = [&] {
        for (uint8_t round = 1; round <= 2; ++round) {
            bool claimed = false;
            for (int attempt = 0; attempt < 3 && !claimed; ++attempt)
                claimed = writer.claim(0, line, kWholeExtent, bytes, kCapacity, 0);
            if (!claimed) return;
            append(writer, round);
            writer.seal(round);
        }
    };
    const auto drain = [&] {
        for (int look = 0; look < 3; ++look) {
            const ChunkWord word = ChunkReader<Atomics>::committed(line);
            Stepper::plain_read(bytes, word.length);
            for (uint32_t i = 0; i < word.length; ++i)
                if (bytes[i] != word.generation) stepper.complain("a byte of another generation");
            if (word.state == ChunkState::kFull) ChunkReader<Atomics>::release(segment, 0, word.generation);
        }
    };
    stepper.run({write, drain}, choices);
    const ChunkWord word = ChunkWord::unpack(line.word);
    const ChunkWord mark = ChunkWord::unpack(segment.chunk_mark(0));
    if (word.state != ChunkState::kFree && mark.generation == word.generation && mark.length != 0)
        stepper.complain("a mark says something of a generation that nobody acknowledged");
}

// ---- Flight recorder: a writer overwrites, the agent takes ----------------------------------------------------------

template <class Atomics>
void overwrite_and_take(Stepper& stepper, Choices& choices) {
    TinyChunk chunk;
    ChunkWriter<Atomics> writer;
    if (!writer.claim(0, chunk.line, kWholeExtent, chunk.bytes.data(), kCapacity, 0))
        stepper.complain("a free chunk was not claimed");
    append(writer, 1);
    append(writer, 1);
    writer.seal(1);
    const uint64_t mark = 0;
    bool overwrote = false, took = false;
    Loss loss{3, 10};
    stepper.run({[&] {
                     overwrote = writer.overwrite(0, chunk.line, mark, chunk.bytes.data(), kCapacity, 0, loss);
                     if (!overwrote) return;
                     append(writer, 2);
                 },
                 [&] {
                     ChunkWord word = ChunkReader<Atomics>::committed(chunk.line);
                     if (word.state != ChunkState::kFull) return;
                     took = ChunkReader<Atomics>::take(chunk.line, word);
                     if (!took) return;
                     Stepper::plain_read(chunk.bytes.data(), word.length);
                     for (uint32_t i = 0; i < word.length; ++i)
                         if (chunk.bytes[i] != 1) stepper.complain("a taken chunk was overwritten");
                 }},
                choices);
    if (overwrote == took) stepper.complain(took ? "both won" : "both lost");
    if (overwrote && loss.spans != 2) stepper.complain("what was lost is not what was there");
    if (took && chunk.word() != ChunkWord{ChunkState::kTaken, 1, 2 * kRecord, 2})
        stepper.complain("the agent's word is gone");
    if (took && chunk.line.loss_generation != 0) stepper.complain("a loss is intended by a writer that did not win");
}

// While one writer makes up its mind, the agent takes and frees the chunk and another writer fills it anew.
inline void overwrite_after_a_whole_round(SegmentMemory& memory, Stepper& stepper, Choices& choices) {
    using Atomics = CheckedAtomics<>;
    memory.forget(0);
    const SegmentView segment = memory.view();
    ChunkLine& line = segment.chunk_line(0);
    uint8_t* bytes = segment.chunk_bytes(0, kSmallChunk);
    ChunkWriter<Atomics> slow, quick;
    if (!quick.claim(0, line, kWholeExtent, bytes, kCapacity, 1)) stepper.complain("a free chunk was not claimed");
    append(quick, 1);
    quick.seal(1);
    Loss loss;
    uint32_t there = 1;  // spans that a FULL chunk holds at present
    stepper.run({[&] {
                     const bool overwrote = slow.overwrite(0, line, segment.chunk_mark(0), bytes, kCapacity, 0, loss);
                     if (overwrote && loss.spans != there) stepper.complain("what was lost is not what was there");
                 },
                 [&] {
                     ChunkWord word = ChunkReader<Atomics>::committed(line);
                     if (word.state != ChunkState::kFull || !ChunkReader<Atomics>::take(line, word)) return;
                     ChunkReader<Atomics>::release(segment, 0, word.generation);
                     if (!quick.claim(0, line, kWholeExtent, bytes, kCapacity, 1)) return;
                     append(quick, 2);
                     append(quick, 2);
                     there = 2;
                     quick.seal(2);
                 }},
                choices);
}

// The agent copies the prefix of an OPEN chunk, which is sealed and overwritten meanwhile, and looks again. Where that
// says "unchanged", every byte that the copy read must have been read before the overwriter's were written, by the
// orders alone: they may not even race.
template <class Atomics>
void overwrite_under_a_copy(Stepper& stepper, Choices& choices) {
    TinyChunk chunk;
    ChunkWriter<Atomics> writer;
    if (!writer.claim(0, chunk.line, kWholeExtent, chunk.bytes.data(), kCapacity, 0))
        stepper.complain("a free chunk was not claimed");
    append(writer, 1);
    writer.seal(1);  // an EVICTING one is still whole, and looked at by an agent that saw it OPEN
    const ChunkWord seen = {ChunkState::kOpen, 1, kRecord, 1};
    const uint64_t mark = 0;
    Loss loss;
    std::array<uint8_t, kRecord> copy{};
    stepper.run({[&] {
                     if (!writer.overwrite(0, chunk.line, mark, chunk.bytes.data(), kCapacity, 0, loss)) return;
                     Stepper::step();
                     append(writer, 2);
                 },
                 [&] {
                     Stepper::step();
                     memcpy(copy.data(), chunk.bytes.data(), kRecord);
                     const Stepper::Moment read = Stepper::now();
                     if (!ChunkReader<Atomics>::unchanged(chunk.line, seen)) return;
                     for (const uint8_t byte : copy)
                         if (byte != 1) stepper.complain("bytes of the next generation were taken for this one's");
                     Stepper::plain_read_at(read, chunk.bytes.data(), kRecord);
                 }},
                choices);
}

// ---- The pool -------------------------------------------------------------------------------------------------------

// Each fiber takes two numbers, gives the first back, takes another, gives all back: with three of them heads come back
// all the time.
template <class Atomics>
void pools_of_three(Stepper& stepper, Choices& choices) {
    constexpr uint32_t kNumbers = 4;
    uint32_t next[kNumbers] = {};
    IndexPool<Atomics> pool;
    pool.reset(next);
    uint32_t held[kNumbers] = {};
    const auto pop = [&] {
        const uint32_t number = pool.pop(kNumbers);
        if (number == IndexPool<>::kNone) return number;
        if (number >= kNumbers) {
            stepper.complain("a number that does not exist");
            return IndexPool<>::kNone;
        }
        if (held[number]++ != 0) stepper.complain("a number was handed out twice");
        return number;
    };
    const auto push = [&](uint32_t number) {
        if (number == IndexPool<>::kNone) return;
        --held[number];
        pool.push(number);
    };
    const auto body = [&] {
        const uint32_t first = pop();
        const uint32_t second = pop();
        push(first);
        const uint32_t third = pop();
        push(second);
        push(third);
    };
    stepper.run({body, body, body}, choices);
    if (!stepper.complaint().empty()) return;  // a spoilt stack may be a ring
    std::set<uint32_t> all;
    for (uint32_t i = 0; i < kNumbers; ++i) all.insert(pop());
    if (all.size() != kNumbers || all.contains(IndexPool<>::kNone)) stepper.complain("a number was lost");
}

// Two fibers, few enough steps to try them all. `held` also stands for the things themselves, which their users write.
inline void pool_of_two(Stepper& stepper, Choices& choices) {
    uint32_t next[2] = {};
    IndexPool<CheckedAtomics<>> pool;
    pool.reset(next);
    uint32_t held[2] = {};
    const auto body = [&] {
        const uint32_t number = pool.pop(2);
        if (number > 1) return stepper.complain("nothing left, though there is one for each");
        Stepper::plain_write(&held[number], sizeof held[number]);
        if (held[number]++ != 0) stepper.complain("a number was handed out twice");
        --held[number];
        pool.push(number);
    };
    stepper.run({body, body}, choices);
}

// One gives three numbers back, one upon the other, and two take them.
inline void pool_given_back(Stepper& stepper, Choices& choices) {
    constexpr uint32_t kNumbers = 3;
    uint32_t next[kNumbers] = {};
    IndexPool<CheckedAtomics<>> pool;
    pool.reset(next);
    for (uint32_t i = 0; i < kNumbers; ++i) pool.pop(kNumbers);
    uint32_t taken[kNumbers] = {};
    const auto take = [&] {
        const uint32_t number = pool.pop(kNumbers);
        if (number == IndexPool<>::kNone) return;
        Stepper::plain_write(&taken[number], sizeof taken[number]);
        if (taken[number]++ != 0) stepper.complain("a number was handed out twice");
    };
    stepper.run({[&] {
                     for (uint32_t i = 0; i < kNumbers; ++i) {
                         Stepper::plain_write(&taken[i], sizeof taken[i]);
                         pool.push(i);
                     }
                 },
                 take, take},
                choices);
    if (!stepper.complaint().empty()) return;
    for (uint32_t number; (number = pool.pop(kNumbers)) != IndexPool<>::kNone;)
        if (taken[number]++ != 0) return stepper.complain("a number was handed out twice");
    for (const uint32_t times : taken)
        if (times != 1) stepper.complain("a number was lost");
}

// ---- The parts of an extent
// ------------------------------------------------------------------------------------------

// Two want the only part, one of them as many as there are. `held` also stands for the part itself, which its user
// writes.
inline void part_of_two(Stepper& stepper, Choices& choices) {
    uint64_t words[1] = {};
    ExtentParts<CheckedAtomics<>> parts;
    parts.reset(words);
    parts.begin(0, ExtentKind::kBlocks64K);
    uint32_t held = 0;
    const auto use = [&] {
        Stepper::plain_write(&held, sizeof held);
        if (held++ != 0) stepper.complain("a part was handed out twice");
        --held;
        parts.give(0, 0);
    };
    stepper.run({[&] {
                     if (parts.take(0, ExtentKind::kBlocks64K) != ExtentParts<>::kNone) use();
                 },
                 [&] {
                     if (parts.take_some(0, ExtentKind::kBlocks64K, 7) != 0) use();
                 }},
                choices);
}

// One gives the last part back, one makes something else of the extent, one uses what it is then.
inline void turned_extent(Stepper& stepper, Choices& choices) {
    uint64_t words[1] = {};
    ExtentParts<CheckedAtomics<>> parts;
    parts.reset(words);
    parts.begin(0, ExtentKind::kBlocks64K);
    parts.take(0, ExtentKind::kBlocks64K);
    uint32_t memory = 0;
    const auto use = [&] { Stepper::plain_write(&memory, sizeof memory); };
    stepper.run({[&] {
                     use();
                     parts.give(0, 0);
                 },
                 [&] {
                     if (!parts.turn(0)) return;
                     use();
                     parts.finish_turn(0, ExtentKind::kBlocks16K);
                 },
                 [&] {
                     if (parts.take(0, ExtentKind::kBlocks16K) == ExtentParts<>::kNone) return;
                     use();
                     if (parts.take(0, ExtentKind::kBlocks64K) != ExtentParts<>::kNone)
                         stepper.complain("an extent is of two kinds");
                 }},
                choices);
}

// One gives the last part back, one closes the extent, one makes something else of it.
inline void closed_extent(Stepper& stepper, Choices& choices) {
    uint64_t words[1] = {};
    ExtentParts<CheckedAtomics<>> parts;
    parts.reset(words);
    parts.begin(0, ExtentKind::kBlocks64K);
    parts.take(0, ExtentKind::kBlocks64K);
    uint32_t memory = 0;
    const auto use = [&] { Stepper::plain_write(&memory, sizeof memory); };
    stepper.run({[&] {
                     use();
                     parts.give(0, 0);
                 },
                 [&] {
                     if (!parts.turn(0)) return;
                     use();
                     parts.close(0, ExtentKind::kBlocks64K, 1);
                     if (parts.take(0, ExtentKind::kBlocks64K) != ExtentParts<>::kNone)
                         stepper.complain("a part of what is closed is taken");
                 },
                 [&] {
                     if (!parts.turn(0)) return;
                     use();
                     parts.finish_turn(0, ExtentKind::kBlocks16K);
                 }},
                choices);
}

// One looks at all slots of an extent of which nothing is used, one makes something else of it and slots again.
inline void held_extent(Stepper& stepper, Choices& choices) {
    uint64_t words[1] = {};
    ExtentParts<CheckedAtomics<>> parts;
    parts.reset(words);
    parts.begin(0, ExtentKind::kSlots);
    uint32_t memory = 0;
    stepper.run({[&] {
                     if (!parts.hold(0, ExtentKind::kSlots)) return;
                     Stepper::plain_read(&memory, sizeof memory);
                     if (parts.turn(0)) stepper.complain("an extent is turned while its slots are looked at");
                     parts.let_go(0);
                 },
                 [&] {
                     for (const ExtentKind kind : {ExtentKind::kBlocks64K, ExtentKind::kSlots}) {
                         if (!parts.turn(0)) return;
                         Stepper::plain_write(&memory, sizeof memory);
                         parts.finish_turn(0, kind);
                     }
                 }},
                choices);
}

}  // namespace spanring::test
