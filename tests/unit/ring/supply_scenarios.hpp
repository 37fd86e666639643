// SPDX-License-Identifier: Apache-2.0
//
// What a count says is there, while several take and give it: chunks that are freed, parked or given back, extents that
// are made. Explored by orders_test.cpp.
#pragma once

#include "ring/chunk_reader.hpp"
#include "ring/extent_giver.hpp"
#include "ring/level_writer.hpp"
#include "unit/ring/chunk_scenarios.hpp"
#include "unit/ring/life_scenarios.hpp"
#include "unit/ring/segment_in_memory.hpp"

namespace spanring::test {

// The ring is full; the agent frees a chunk. A writer that sees the count finds the chunk.
inline void freed_count(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset({ExtentKind::kJumboChunks, ExtentKind::kSlots});
    segment->take_slot();  // else that extent would do
    const SegmentView view = segment.view();
    view.chunk_line(0).word = ChunkWord{ChunkState::kFull, 1, 0, 0}.pack();
    const uint64_t mark = segment->freed_mark();
    stepper.run({[&] { ChunkReader<>::release(view, 0, 1); },
                 [&] {
                     if (segment->freed_mark() == mark) return;
                     ChunkWriter<> writer;
                     Loss loss;
                     if (!segment->attach_chunk(writer, kLargeChunk + 1, false, 0, loss))
                         stepper.complain("a chunk is free by the count, and none by its word");
                 }},
                choices);
}

// The ring is full; a thread leaves and parks its chunk. A writer that sees the count finds the chunk.
inline void parked_count(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset({ExtentKind::kJumboChunks, ExtentKind::kSlots});
    segment->take_slot();  // else that extent would do
    const SegmentView view = segment.view();
    ChunkWriter<> leaving;
    if (!leaving.claim(0, view.chunk_line(0), kWholeExtent, view.chunk_bytes(0, kJumboChunk), kJumboChunk, 0))
        stepper.complain("a free chunk was not claimed");
    const uint64_t mark = segment->freed_mark();
    stepper.run({[&] {
                     leaving.park();
                     segment->note_parked();
                 },
                 [&] {
                     if (segment->freed_mark() == mark) return;
                     ChunkWriter<> writer;
                     Loss loss;
                     if (!segment->attach_chunk(writer, kSmallChunk / 2, false, 0, loss))
                         stepper.complain("a chunk is parked by the count, and none by its word");
                 }},
                choices);
}

// An agent gives the memory of the only chunks back. A writer that sees the count finds one, in memory.
inline void given_back_count(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset({ExtentKind::kJumboChunks, ExtentKind::kSlots});
    const SegmentView view = segment.view();
    const uint64_t mark = segment->freed_mark();
    stepper.run({[&] {
                     ExtentGiver<> giver(view);
                     if (giver.take(0, ExtentKind::kJumboChunks, [](uint32_t, ChunkWord) {}))
                         giver.finish(0, ExtentKind::kJumboChunks, true);
                 },
                 [&] {
                     if (segment->freed_mark() == mark) return;
                     ChunkWriter<> writer;
                     Loss loss;
                     if (!segment->attach_chunk(writer, kLargeChunk + 1, false, 0, loss))
                         return stepper.complain("an extent is empty by the count, and not by its word");
                     SegmentInMemory::expect_populated(stepper, view.extent(0));
                 }},
                choices);
}

// Two writers want a chunk while an agent gives back the memory of those that there are.
inline void given_back(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset({ExtentKind::kJumboChunks, ExtentKind::kSlots});
    const SegmentView view = segment.view();
    bool early = false, punched = false;
    const auto use = [&] {
        ChunkWriter<> writer;
        Loss loss;
        if (!segment->attach_chunk(writer, kLargeChunk + 1, false, 0, loss) || writer.chunk() != 0) return;
        if (writer.next(0, 0).generation == 1)
            early = true;  // the memory is there as long as it does not go
        else
            SegmentInMemory::expect_populated(stepper, view.extent(0));
    };
    stepper.run({[&] {
                     ExtentGiver<> giver(view);
                     if (!giver.take(0, ExtentKind::kJumboChunks, [](uint32_t, ChunkWord) {})) return;
                     punched = true;
                     giver.finish(0, ExtentKind::kJumboChunks, true);
                 },
                 use, use},
                choices);
    if (early && punched) stepper.complain("an open chunk was punched");
}

// The only extent of chunks has no memory: one lends it to huge places, the others want a chunk of it.
inline void lent(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset({ExtentKind::kJumboChunks, ExtentKind::kSlots});
    segment->take_slot();  // else that extent would do
    const SegmentView view = segment.view();
    view.extent_word(0) = ExtentWord{ExtentKind::kJumboChunks, ExtentMemory::kEmpty, 1}.pack();
    bool used = false;
    const auto use = [&] {
        ChunkWriter<> writer;
        Loss loss;
        if (!segment->attach_chunk(writer, kLargeChunk + 1, false, 0, loss))
            return stepper.complain("no chunk, though there is memory");
        SegmentInMemory::expect_populated(stepper, view.extent(writer.chunk() / kChunksPerExtent));
        used = used || writer.chunk() == 0;
    };
    stepper.run({[&] { segment->lend_extents(1); }, use}, choices);
    if (used && SegmentInMemory::is_punched(view.extent(0))) stepper.complain("an open chunk was punched");
}

// Two writers want one of several chunks that become there by what one of them does. Who finds none notes the mark from
// before its search, and has to find another one then.
inline void supply_for_two(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    uint64_t marks[2] = {};
    bool found[2] = {};
    const auto use = [&](uint32_t me) {
        marks[me] = segment->freed_mark();
        ChunkWriter<> writer;
        Loss loss;
        found[me] = segment->attach_chunk(writer, kSmallChunk + 1, false, 0, loss);
    };
    stepper.run({[&] { use(0); }, [&] { use(1); }}, choices);
    stepper.run({[&] {
                    for (uint32_t me = 0; me < 2; ++me)
                        if (!found[me] && marks[me] == segment->freed_mark())
                            stepper.complain("a chunk is free, and nobody is told");
                }},
                choices);
}

// The memory of all chunks went, and one makes them whole.
inline void restored_for_two(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset({ExtentKind::kLargeChunks, ExtentKind::kSlots});
    segment->take_slot();  // else that extent would do
    segment.view().extent_word(0) = ExtentWord{ExtentKind::kLargeChunks, ExtentMemory::kEmpty, 1}.pack();
    supply_for_two(segment, stepper, choices);
}

// All chunks are full, and one makes others of what were slots.
inline void turned_for_two(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset({ExtentKind::kSlots, ExtentKind::kJumboChunks});
    segment.view().chunk_line(kChunksPerExtent).word = ChunkWord{ChunkState::kFull, 1, 0, 0}.pack();
    supply_for_two(segment, stepper, choices);
}

// A writer that gets no memory for an extent holds it meanwhile. Another thread makes slots of it, of which nothing is
// used any more when it wants a chunk.
inline void held_for_two(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset({ExtentKind::kJumboChunks});
    segment.view().chunk_line(0).word = ChunkWord{ChunkState::kFull, 1, 0, 0}.pack();
    SegmentInMemory::refuse(0);
    uint64_t mark = 0, until = 0;
    bool found[2] = {};
    const auto use = [&] {
        ChunkWriter<> writer;
        Loss loss;
        return segment->attach_chunk(writer, kLargeChunk + 1, false, 0, loss);
    };
    stepper.run({[&] { found[0] = use(); },
                 [&] {
                     const uint32_t slot = segment->take_slot();
                     if (slot != Segment::kNone) segment->give_slot(slot);
                     mark = segment->freed_mark();
                     found[1] = use();
                     until = segment->search_again_at();
                 }},
                choices);
    stepper.run({[&] {
                    if (!found[0] && !found[1] && mark == segment->freed_mark() && until == Segment::kNever)
                        stepper.complain("an extent is there for a chunk, and nobody is told");
                }},
                choices);
}

// The block of an extent is given back, an agent gives its memory back, and somebody wants a block.
inline void given_block(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset({ExtentKind::kSlots, ExtentKind::kBlocks64K});  // the first one is never closed,
    segment->take_slot();                                         // and not turned
    const SegmentView view = segment.view();
    const uint32_t first = segment->take_block(4);
    uint32_t memory = 0;  // of extent 1
    const auto use = [&] { Stepper::plain_write(&memory, sizeof memory); };
    const auto word = [&] {
        return ExtentWord::unpack(StdAtomics::load(view.extent_word(1), std::memory_order_relaxed));
    };
    stepper.run({[&] {
                     use();
                     segment->give_block(first, 4);
                 },
                 [&] {
                     ExtentGiver<> giver(view);
                     if (!giver.take_unused(1, word())) return;
                     use();  // as a system call does
                     giver.finish_unused(1);
                 },
                 [&] {
                     const uint32_t block = segment->take_block(4);
                     if (block == Segment::kNone) return stepper.complain("there is a block, and it was passed over");
                     if (block != first) return SegmentInMemory::expect_populated(stepper, view.extent(2));
                     use();
                     if (word().memory != ExtentMemory::kWhole) stepper.complain("memory may go that is in use");
                     const bool went = word().gives > 1;  // not only unused
                     if (went) SegmentInMemory::expect_populated(stepper, view.extent(1));
                 }},
                choices);
}

// The same of a huge place, with the slot that held it and one that wants it.
inline void given_huge_block(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset();
    const SegmentView view = segment.view();
    Slot &first = view.slot(segment->take_slot()), &next = view.slot(segment->take_slot());
    if (segment->take_huge_block(first, kExtentSize) != 0) stepper.complain("the first huge place was passed over");
    uint32_t memory = 0;  // of place 0
    const auto use = [&] { Stepper::plain_write(&memory, sizeof memory); };
    const auto word = [&] {
        return ExtentWord::unpack(StdAtomics::load(view.extent_word(kFirstHuge), std::memory_order_relaxed));
    };
    stepper.run({[&] {
                     use();
                     segment->give_blocks(first, 1);
                 },
                 [&] {
                     ExtentGiver<> giver(view);
                     if (!giver.take_unused(kFirstHuge, word())) return;
                     use();  // as a system call does
                     giver.finish_unused(kFirstHuge);
                 },
                 [&] {
                     const uint32_t place = segment->take_huge_block(next, kExtentSize);
                     if (place == Segment::kNone)
                         return stepper.complain("there is a huge place, and it was passed over");
                     if (place != 0) return SegmentInMemory::expect_populated(stepper, view.huge(place));
                     use();
                     if (word().memory != ExtentMemory::kWhole) stepper.complain("memory may go that is in use");
                     if (word().gives > 1) SegmentInMemory::expect_populated(stepper, view.huge(0));  // not only unused
                 }},
                choices);
}

// Two writers want a huge chunk that nobody has used, and the agent looks.
inline void first_huge_chunk(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset();
    const SegmentView view = segment.view();
    uint32_t chunks[2] = {};
    const auto use = [&](uint32_t me) {
        ChunkWriter<> writer;
        Loss loss;
        if (!segment->attach_chunk(writer, kJumboChunk + 1, false, 0, loss)) return;
        chunks[me] = writer.chunk();
        SegmentInMemory::expect_populated(stepper, view.extent(writer.chunk() / kChunksPerExtent));
    };
    const auto look = [&] {
        ExtentMap extents(SegmentInMemory::kWithHugePlaces, true);
        if (!extents.update(view)) return stepper.complain("a huge place is there whose use is not known");
        for (uint32_t place = kHugeBlocks; place < kHugeBlocks + 2; ++place)
            if (extents.has_huge(place)) SegmentInMemory::expect_populated(stepper, view.huge(place));
    };
    stepper.run({[&] { use(0); }, [&] { use(1); }, look}, choices);
    if (chunks[0] == chunks[1]) stepper.complain("two writers have one chunk, or none has one");
}

// An agent gives the memory of a huge chunk back that a writer wants.
inline void given_huge_chunk(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset();
    const SegmentView view = segment.view();
    constexpr uint32_t kExtent = kFirstHuge + kHugeBlocks, kChunk = kExtent * kChunksPerExtent;
    ChunkWriter<> before;
    Loss nothing;
    segment->attach_chunk(before, kJumboChunk + 1, false, 0, nothing);
    before.seal(1);
    ChunkReader<>::release(view, kChunk, 1);
    bool early = false, punched = false;
    stepper.run({[&] {
                     ExtentGiver<> giver(view);
                     if (!giver.take(kExtent, ExtentKind::kHugeChunk, [](uint32_t, ChunkWord) {})) return;
                     punched = true;
                     giver.finish(kExtent, ExtentKind::kHugeChunk, true);
                 },
                 [&] {
                     ChunkWriter<> writer;
                     Loss loss;
                     if (!segment->attach_chunk(writer, kJumboChunk + 1, false, 0, loss))
                         return stepper.complain("no huge chunk, though one is free");
                     if (writer.chunk() == kChunk && writer.next(0, 0).generation == 2)
                         early = true;  // the memory is there as long as it does not go
                     else
                         SegmentInMemory::expect_populated(stepper, view.extent(writer.chunk() / kChunksPerExtent));
                 }},
                choices);
    if (early && punched) stepper.complain("an open chunk was punched");
}

// Two writers and the agent; no chunk is left for a large span.
inline void growth(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset({ExtentKind::kJumboChunks});
    const SegmentView view = segment.view();
    view.chunk_line(0).word = ChunkWord{ChunkState::kFull, 1, 0, 0}.pack();
    const auto use = [&] {
        ChunkWriter<> writer;
        Loss loss;
        if (!segment->attach_chunk(writer, kLargeChunk + 1, false, 0, loss)) return;
        SegmentInMemory::expect_populated(stepper, view.extent(1));
    };
    const auto look = [&] {
        ExtentMap extents(2);
        if (!extents.update(view)) return stepper.complain("an extent is counted whose use is not known");
        if (extents.count() == 2) SegmentInMemory::expect_populated(stepper, view.extent(1));
    };
    stepper.run({use, use, look}, choices);
}

// A thread takes the first slot of a new extent, another one asks whether there is such a slot, by a handle that it got
// by other means than the first one's ordering.
inline void growth_for_a_slot(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset({ExtentKind::kSmallChunks});
    const SegmentView view = segment.view();
    uint32_t taken[2] = {};
    const auto take = [&](uint32_t me) {
        taken[me] = segment->take_slot();
        if (taken[me] == Segment::kNone) return stepper.complain("there is a slot, and it was passed over");
        SegmentInMemory::expect_populated(stepper, &view.slot(kSlot));
    };
    const auto find = [&] {
        if (segment->has_slot(kSlot)) SegmentInMemory::expect_populated(stepper, &view.slot(kSlot));
    };
    stepper.run({[&] { take(0); }, [&] { take(1); }, find}, choices);
    if (taken[0] == taken[1]) stepper.complain("two threads have one slot");
}

// A writer makes chunks of what were slots, while the agent looks twice. What it knows at last has the chunk.
inline void turning(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset({ExtentKind::kSlots, ExtentKind::kJumboChunks});
    const SegmentView view = segment.view();
    view.chunk_line(kChunksPerExtent).word = ChunkWord{ChunkState::kFull, 1, 0, 0}.pack();
    ExtentMap extents(2);
    extents.update(view);
    uint32_t chunk = ~uint32_t{0};
    const auto look = [&] {
        if (!extents.update(view)) stepper.complain("an extent of an unknown use");
    };
    stepper.run({[&] {
                     ChunkWriter<> writer;
                     Loss loss;
                     if (segment->attach_chunk(writer, kSmallChunk + 1, false, 0, loss)) chunk = writer.chunk();
                 },
                 look},
                choices);
    stepper.run({look}, choices);
    if (chunk == ~uint32_t{0}) return stepper.complain("no chunk, though nothing is used");
    if (!extents.has_chunk(chunk)) stepper.complain("a chunk of which the agent will never know");
}

inline void growth_of_counter_lines(SegmentInMemory& segment, Stepper& stepper, Choices& choices) {
    segment.reset();
    const SegmentView view = segment.view();
    const auto use = [&](uint32_t line) {
        if (const CounterLine* const place = segment->counter_line(line))
            SegmentInMemory::expect_populated(stepper, place);
    };
    const auto sum = [&] {
        sum_counters(view);
        // What it read of the lines it read; how many, only the sum itself knows: all of them are in one page here.
        if (stepper.memory().has_read(&view.counter_line(0), stepper.running()))
            SegmentInMemory::expect_populated(stepper, &view.counter_line(0));
    };
    stepper.run({[&] { use(0); }, [&] { use(1); }, sum}, choices);
}

}  // namespace spanring::test
