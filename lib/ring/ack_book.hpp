// SPDX-License-Identifier: Apache-2.0
//
// The durable side of an acknowledgement: a mark (or a slot) and the totals, with the rules' rows, move together,
// whenever the agent is killed. One thread of the agent that holds the segment's lock.
//
//     journal filled | armed | mark stored | totals stored | disarmed
//
// Killed before `armed`: nothing happened. After it: the next agent stores both again, from the journal, in absolute
// values. The stores are releases so that the compiler keeps their order; a kill lands between two instructions, so
// that order is all that counts.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "ring/atomics.hpp"
#include "ring/chunk_word.hpp"
#include "ring/extent_map.hpp"
#include "ring/rule_rows.hpp"
#include "ring/segment_view.hpp"
#include "ring/testpoint.hpp"

namespace spanring::ring {

template <class Atomics = StdAtomics>
class AckBook {
public:
    static constexpr uint32_t kMark = 1;
    static constexpr uint32_t kSlot = 2;
    static constexpr uint32_t kWaitingSlot = 3;

    // At attach: finishes what a killed agent began. False: the journal names something that does not exist.
    bool open(SegmentView segment, const ExtentMap& extents) {
        segment_ = segment;
        AckJournal& journal = segment.control().journal;
        // acquire: what the journal says. Pairs with the release in store(), of arm(). Without it fields from before it
        // was armed could be replayed.
        const uint32_t armed = Atomics::load(journal.armed, std::memory_order_acquire);
        if (armed != 0) {
            const uint32_t index =
                Atomics::load(journal.index, std::memory_order_relaxed);  // relaxed: after the acquire
            const uint64_t mark = Atomics::load(journal.mark, std::memory_order_relaxed);
            const Totals noted = read(journal.totals);
            if (armed == kMark && extents.has_chunk(index)) {
                store_mark(index, mark);
            } else if (armed == kSlot && extents.has_slot(index)) {
                clear_slot(index, mark);
            } else if (armed == kWaitingSlot && index / kSlotNumbers < extents.limit()) {
                // One that was done may have been used again since, or be part of something else.
                if (extents.has_slot(index)) finish_wait(index, mark);
            } else {
                return false;
            }
            SPR_TESTPOINT(mark_replayed);
            for (uint32_t i = 0; i < kWords; ++i) store(words(segment.control().totals)[i], words(noted)[i]);
            RuleArea& rules = rule_area(segment);
            each_row(rules, [](RuleTotals& row, const RuleTotals& noted) { copy_row(row, noted); });
            SPR_TESTPOINT(rules_replayed);
            disarm();
        }
        // Where no agent ever was, nothing is written there, and the page with most of it is not made by a look.
        // relaxed: agents alone write it, and the last one is gone.
        had_agents_ = armed != 0 || Atomics::load(segment.control().attachments, std::memory_order_relaxed) != 0;
        if (had_agents_) rows_ = std::max(rows_of(read(journal.totals)), rows_of(totals()));
        return true;
    }

    // After open(), once, before any of it changes: what the segment says later is not believed.
    Totals totals() const { return read(segment_.control().totals); }

    // After open(), once, before any row changes. The journal's copy may say what never happened: it was filled by an
    // agent that was killed before it armed it.
    std::array<RuleTotals, kRuleRows> open_rules() {
        RuleArea& area = rule_area(segment_);
        std::array<RuleTotals, kRuleRows> rows{};
        if (!had_agents_) return rows;
        uint32_t count = 0;
        each_row(area, [&](const RuleTotals& row, RuleTotals& noted) {
            copy_row(noted, row);
            for (uint32_t i = 0; i < kRowWords; ++i)  // relaxed: as the totals in open()
                words(&rows[count])[i] = Atomics::load(words(&row)[i], std::memory_order_relaxed);
            ++count;
        });
        return rows;
    }

    // `rules`: rows that change with it.
    void move_mark(uint32_t chunk, ChunkWord mark, const Totals& totals, std::span<const RuleChange> rules = {}) {
        arm(kMark, chunk, mark.pack(), totals, rules);
        store_mark(chunk, mark.pack());
        SPR_TESTPOINT(mark_moved);
        finish(totals, rules);
    }

    // The unfinished span of this slot is exported; the slot is free.
    void close_slot(uint32_t slot, uint32_t generation, const Totals& totals, std::span<const RuleChange> rules = {}) {
        arm(kSlot, slot, generation, totals, rules);
        clear_slot(slot, generation);
        SPR_TESTPOINT(slot_closed);
        finish(totals, rules);
    }

    // The span that waited in this slot is acknowledged; the slot is the process's again.
    void close_waiting_slot(uint32_t slot, uint32_t generation, const Totals& totals,
                            std::span<const RuleChange> rules = {}) {
        arm(kWaitingSlot, slot, generation, totals, rules);
        finish_wait(slot, generation);
        SPR_TESTPOINT(wait_finished);
        finish(totals, rules);
    }

private:
    static constexpr uint32_t kWords = sizeof(Totals) / sizeof(uint64_t);
    static constexpr uint32_t kRowWords = sizeof(RuleTotals) / sizeof(uint64_t);

    static uint64_t* words(Totals& totals) { return reinterpret_cast<uint64_t*>(&totals); }
    static const uint64_t* words(const Totals& totals) { return reinterpret_cast<const uint64_t*>(&totals); }
    static uint64_t* words(RuleTotals* rows) { return reinterpret_cast<uint64_t*>(rows); }
    static const uint64_t* words(const RuleTotals* rows) { return reinterpret_cast<const uint64_t*>(rows); }

    template <class T>
    static void store(T& word, T value) {
        // release: keeps the order of the steps above. Pairs with the acquire in open() and in ChunkReader::mark().
        // Without it a kill could leave a journal that is armed and half written, or a mark without its totals.
        Atomics::store(word, value, std::memory_order_release);
    }

    // Rows of exporters up to the last one that is in use: they are given away in their order, and none is free again.
    static uint32_t rows_of(const Totals& totals) {
        uint32_t rows = kExporterRows;
        while (rows != 0 && totals.exporters[rows - 1].exporter == 0) --rows;
        return rows;
    }
    static constexpr uint32_t words_of(uint32_t rows) {
        return (offsetof(Totals, exporters) + rows * sizeof(ExporterTotals)) / sizeof(uint64_t);
    }

    // Most words stay as they are. relaxed: agents alone write them, this one or one that is gone.
    static void change(uint64_t& word, uint64_t value) {
        if (Atomics::load(word, std::memory_order_relaxed) != value) store(word, value);
    }

    // relaxed: likewise.
    static Totals read(Totals& from) {
        Totals totals{};
        for (uint32_t i = 0; i < kWords; ++i)
            words(totals)[i] = Atomics::load(words(from)[i], std::memory_order_relaxed);
        return totals;
    }

    // Rows are given away in their order. relaxed, here and in copy_row(): agents alone write them, and the last one is
    // gone.
    template <class Visit>
    static void each_row(RuleArea& area, Visit visit) {
        for (uint32_t i = 0; i < kRuleRows; ++i) {
            if (Atomics::load(area.rows[i].rule, std::memory_order_relaxed) == 0 &&
                Atomics::load(area.noted[i].rule, std::memory_order_relaxed) == 0)
                return;
            visit(area.rows[i], area.noted[i]);
        }
    }

    static void copy_row(RuleTotals& to, const RuleTotals& from) {
        for (uint32_t i = 0; i < kRowWords; ++i)
            store(words(&to)[i], Atomics::load(words(&from)[i], std::memory_order_relaxed));
    }

    static void store_rows(RuleTotals (&rows)[kRuleRows], std::span<const RuleChange> rules) {
        for (const RuleChange& change : rules) {
            for (uint32_t i = 0; i < kRowWords; ++i) store(words(&rows[change.row])[i], words(&change.totals)[i]);
        }
    }

    void arm(uint32_t kind, uint32_t index, uint64_t mark, const Totals& totals, std::span<const RuleChange> rules) {
        AckJournal& journal = segment_.control().journal;
        store(journal.index, index);
        store(journal.mark, mark);
        rows_ = std::max(rows_, rows_of(totals));
        for (uint32_t i = 0; i < words_of(rows_); ++i) change(words(journal.totals)[i], words(totals)[i]);
        store_rows(rule_area(segment_).noted, rules);
        SPR_TESTPOINT(journal_filled);
        store(journal.armed, kind);
        SPR_TESTPOINT(journal_armed);
    }

    void finish(const Totals& totals, std::span<const RuleChange> rules) {
        for (uint32_t i = 0; i < words_of(rows_); ++i) change(words(segment_.control().totals)[i], words(totals)[i]);
        store_rows(rule_area(segment_).rows, rules);
        SPR_TESTPOINT(totals_stored);
        disarm();
        SPR_TESTPOINT(journal_disarmed);
    }

    void disarm() { store(segment_.control().journal.armed, uint32_t{0}); }

    void store_mark(uint32_t chunk, uint64_t mark) { store(segment_.chunk_mark(chunk), mark); }

    // Not if the slot has been used again: then it was cleared before.
    void clear_slot(uint32_t slot, uint64_t generation) {
        Slot& place = segment_.slot(slot);
        if (Atomics::load(place.generation, std::memory_order_relaxed) == generation) store(place.word, uint64_t{0});
    }

    // While it is WAITING its process leaves it alone. Where it is not, this was done before, and the process may have
    // it again.
    void finish_wait(uint32_t slot, uint64_t generation) {
        Slot& place = segment_.slot(slot);
        // acquire: the generation after the word. Pairs with the release in LevelWriter::publish_wait(). The other way
        // round a span that waits there by now could be taken for one that is acknowledged.
        const SlotWord word = SlotWord::unpack(Atomics::load(place.word, std::memory_order_acquire));
        if (word.state == SlotState::kWaiting &&
            Atomics::load(place.generation, std::memory_order_relaxed) == generation)  // relaxed: after the acquire
            store(place.word, SlotWord{SlotState::kDone, 0, 0}.pack());
        SPR_TESTPOINT(wait_done);
        // release: DONE before the count. Pairs with the acquire in Segment::take_done(). Without it the process could
        // note the count, not find the slot, and not look again.
        Atomics::fetch_add(segment_.control().done, uint64_t{1}, std::memory_order_release);
    }

    SegmentView segment_;
    bool had_agents_ = false;
    uint32_t rows_ = 0;  // of exporters, that have something in the journal or in the totals
};

}  // namespace spanring::ring
