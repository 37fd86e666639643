// SPDX-License-Identifier: Apache-2.0
//
// A small segment with something of everything in it, made by a fixed program, and its interesting bytes in one row:
// what the fuzzer mutates and every_bit_test flips. What is in no piece is zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "ring/chunk_reader.hpp"
#include "support/segment_image.hpp"

namespace spanring::test {

struct Piece {
    const char* name;
    uint64_t offset;
    uint64_t size;
};

inline constexpr uint32_t kFirstWaiting = 4;  // among the slots

inline const std::vector<Piece>& pieces() {
    using namespace ring;
    constexpr uint64_t kTotals = offsetof(Totals, exporters) + 2 * sizeof(ExporterTotals);  // one is used
    static const std::vector<Piece> all = {
        {"header", kHeaderOffset, sizeof(Header)},
        {"control", kControlOffset, offsetof(Control, totals) + kTotals},
        {"control", kControlOffset + offsetof(Control, journal), offsetof(AckJournal, totals) + kTotals},
        {"writer page", kWriterOffset, sizeof(WriterPage)},
        {"resource", kResourceOffset, 48},
        {"scopes", kScopesOffset, 3 * sizeof(ScopeEntry)},
        {"scope bytes", kScopesOffset + kScopeBytesOffset, 48},
        {"counters", kCountersOffset, 2 * kCounterLineSize},
        {"extent words", kExtentWordsOffset, (kImageSet + 1) * sizeof(uint64_t)},
        {"chunk lines", chunk_line_offset(0), 5 * sizeof(ChunkLine)},
        {"chunk lines", chunk_line_offset(kFirstLarge), 2 * sizeof(ChunkLine)},
        {"chunk lines", chunk_line_offset(kFirstJumbo), 2 * sizeof(ChunkLine)},
        {"marks", chunk_mark_offset(0), 5 * sizeof(uint64_t)},
        {"marks", chunk_mark_offset(kFirstLarge), 2 * sizeof(uint64_t)},
        {"slots", slot_offset(kFirstSlot), 4 * kSlotSize},
        {"block", block_offset(kFirstBlock + 1), kSlotInlineData + 128},
        {"small chunks", chunk_offset(0, kSmallChunk), 256},
        {"small chunks", chunk_offset(1, kSmallChunk), 256},
        {"small chunks", chunk_offset(2, kSmallChunk), 256},
        {"large chunk", chunk_offset(kFirstLarge, kLargeChunk), 256},
        {"waiting slots", slot_offset(kFirstSlot + kFirstWaiting), 272},
        {"waiting slots", slot_offset(kFirstSlot + kFirstWaiting + 1), 272},
        {"waiting slots", slot_offset(kFirstSlot + kFirstWaiting + 2), 272},
        {"waiting slots", slot_offset(kFirstSlot + kFirstWaiting + 3), 272},
    };
    return all;
}

inline constexpr uint64_t kGoldenSize = ring::segment_size(kImageSet);
inline constexpr uint8_t kGoldenInstance[16] = {0x60, 0x1d};

enum class Golden { kPlain, kOverwrite, kJournal, kWaiting };

// Ten spans are there: 0 to 6 in chunks, the first of chunk 1 acknowledged; 7 and 8 open; 9 was ending and is
// committed. Of kWaiting also 11 to 13, which have ended and wait: the first acknowledged by the journal, the last on
// its way; and a slot of which the agent is done.
inline std::vector<uint8_t> golden_image(Golden kind) {
    using namespace ring;
    std::vector<uint64_t> words(kGoldenSize / sizeof(uint64_t));
    uint8_t* const base = reinterpret_cast<uint8_t*>(words.data());
    ImageOptions options;
    options.extent_limit = kImageSet;
    options.full_policy = kind == Golden::kOverwrite ? 1 : 0;
    SegmentMemory image(base, options, kGoldenInstance);
    const SegmentView view = image.view();
    const uint32_t scope = image.add_scope("library");
    image.claim(0);
    image.commit(0, 0, "zero");
    image.commit(0, 1, "one");
    image.seal(0);
    image.claim(1, scope);
    image.commit(1, 2, "two");
    const ChunkWord two = image.word(1);
    image.commit(1, 3, "three");
    image.claim(2);
    image.commit(2, 4, "four");
    image.append(2, scope_record(scope), 0);
    image.commit(2, 5, "five");
    image.move_to(2, ChunkState::kParked);
    image.claim(kFirstLarge, scope);
    image.commit(kFirstLarge, 6, "six");
    image.seal(kFirstLarge);
    if (kind != Golden::kOverwrite) {  // the first span of chunk 1 is behind the agent
        view.chunk_mark(1) = mark_of(1, two.length, two.spans).pack();
        view.control().totals.acknowledged = 1;
    }

    image.open_slot(0, span_start(7, "seven"));
    Bytes large = span_start(8, "eight");
    const Bytes attribute = make_attribute("key", "a value that does not fit into the slot any more, nor do its like");
    while (large.size() <= kSlotInlineData) put(large, attribute.data(), attribute.size());
    image.open_slot(1, large, scope);
    Slot& ending = image.open_slot(2, span_start(9, "nine"));
    image.append(2, record_of(make_span(9, "nine")), 1);
    ending.intent_chunk = 2;
    ending.intent_word = image.word(2).pack();
    ending.intent_ended = image.counter(Counter::kEnded) + 1;
    image.set_slot_state(2, SlotState::kEnding);
    Slot& dropping = image.open_slot(3, span_start(10, "ten"));
    dropping.intent_line = 1;
    dropping.intent_cause = static_cast<uint32_t>(Counter::kDroppedFull);
    dropping.intent_ended = dropping.intent_dropped = 1;
    image.set_slot_state(3, SlotState::kDropping);

    if (kind == Golden::kJournal) {  // killed before the mark of chunk 0 moved over its first span
        AckJournal& journal = view.control().journal;
        journal.totals = view.control().totals;
        journal.totals.acknowledged = 3;
        journal.index = 0;
        journal.mark = mark_of(1, image.word(0).length, 2).pack();
        journal.armed = 1;
    }
    if (kind == Golden::kWaiting) {
        image.counter(Counter::kEnded) += 1;  // nine's, or nobody of its thread could have ended another
        for (uint32_t i = 0; i < 4; ++i) image.waiting_slot(kFirstWaiting + i, span_start(11 + i, "waits"), 3000 + i);
        for (uint32_t i = 0; i < 4; ++i) image.slot(kFirstWaiting + i).generation = 1 + i;
        image.slot(kFirstWaiting + 2).intent_line = 1;  // whose last end it was
        image.slot(kFirstWaiting + 2).intent_ended = 2;
        image.counter(Counter::kEnded) -= 1;
        image.set_slot_state(kFirstWaiting + 2, SlotState::kEnding);
        image.slot(kFirstWaiting + 3).word = SlotWord{SlotState::kDone, 0, 0}.pack();
        view.control().done = 1;
        view.control().totals.acknowledged += 1;
        AckJournal& journal = view.control().journal;  // killed before the first was DONE
        journal.totals = view.control().totals;
        journal.totals.acknowledged += 1;
        journal.index = kFirstSlot + kFirstWaiting;
        journal.mark = 1;
        journal.armed = 3;
    }
    return {base, base + kGoldenSize};
}

inline std::vector<uint8_t> interesting_bytes(const std::vector<uint8_t>& image) {
    std::vector<uint8_t> row;
    for (const Piece& piece : pieces())
        row.insert(row.end(), image.begin() + static_cast<ptrdiff_t>(piece.offset),
                   image.begin() + static_cast<ptrdiff_t>(piece.offset + piece.size));
    return row;
}

// The rest of `to`, which is as large as a segment, is zeroed.
inline void spread(const uint8_t* row, size_t size, uint8_t* to) {
    std::memset(to, 0, kGoldenSize);
    for (const Piece& piece : pieces()) {
        const size_t part = std::min<size_t>(piece.size, size);
        std::memcpy(to + piece.offset, row, part);
        row += part;
        size -= part;
    }
}

}  // namespace spanring::test
