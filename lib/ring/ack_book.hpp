// SPDX-License-Identifier: Apache-2.0
//
// The durable side of an acknowledgement: a mark (or a slot) and the totals move together, whenever the agent is
// killed. One thread of the agent that holds the segment's lock.
//
//     journal filled | armed | mark stored | totals stored | disarmed
//
// Killed before `armed`: nothing happened. After it: the next agent stores both again, from the journal, in absolute
// values. The stores are releases so that the compiler keeps their order; a kill lands between two instructions, so
// that order is all that counts.
#pragma once

#include <cstring>

#include "ring/atomics.hpp"
#include "ring/chunk_word.hpp"
#include "ring/extent_map.hpp"
#include "ring/segment_view.hpp"
#include "ring/testpoint.hpp"

namespace spanring::ring {

template <class Atomics = StdAtomics>
class AckBook {
public:
    static constexpr uint32_t kMark = 1;
    static constexpr uint32_t kSlot = 2;

    // At attach: finishes what a killed agent began, then reads the totals, for the only time. False: the journal names
    // something that does not exist.
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
            for (uint32_t i = 0; i < kWords; ++i) {
                words(totals_)[i] = Atomics::load(words(journal.totals)[i], std::memory_order_relaxed);
            }
            if (armed == kMark && extents.has_chunk(index)) {
                store_mark(index, mark);
            } else if (armed == kSlot && extents.has_slot(index)) {
                clear_slot(index, mark);
            } else {
                return false;
            }
            SPR_TESTPOINT(mark_replayed);
            for (uint32_t i = 0; i < kWords; ++i) store(words(segment.control().totals)[i], words(totals_)[i]);
            disarm();
        }
        for (uint32_t i = 0; i < kWords; ++i) {  // relaxed: written by agents only, and the last one is gone
            words(totals_)[i] = Atomics::load(words(segment.control().totals)[i], std::memory_order_relaxed);
            words(noted_)[i] = ~words(totals_)[i];  // of the journal's content nothing is known
        }
        return true;
    }

    const Totals& totals() const { return totals_; }

    void move_mark(uint32_t chunk, ChunkWord mark, const Totals& totals) {
        arm(kMark, chunk, mark.pack(), totals);
        store_mark(chunk, mark.pack());
        SPR_TESTPOINT(mark_moved);
        finish(totals);
    }

    // The unfinished span of this slot is exported; the slot is free.
    void close_slot(uint32_t slot, uint32_t generation, const Totals& totals) {
        arm(kSlot, slot, generation, totals);
        clear_slot(slot, generation);
        SPR_TESTPOINT(slot_closed);
        finish(totals);
    }

private:
    static constexpr uint32_t kWords = sizeof(Totals) / sizeof(uint64_t);

    static uint64_t* words(Totals& totals) { return reinterpret_cast<uint64_t*>(&totals); }
    static const uint64_t* words(const Totals& totals) { return reinterpret_cast<const uint64_t*>(&totals); }

    template <class T>
    static void store(T& word, T value) {
        // release: keeps the order of the steps above. Pairs with the acquire in open() and in ChunkReader::mark().
        // Without it a kill could leave a journal that is armed and half written, or a mark without its totals.
        Atomics::store(word, value, std::memory_order_release);
    }

    void arm(uint32_t kind, uint32_t index, uint64_t mark, const Totals& totals) {
        AckJournal& journal = segment_.control().journal;
        store(journal.index, index);
        store(journal.mark, mark);
        for (uint32_t i = 0; i < kWords; ++i) {
            if (words(noted_)[i] == words(totals)[i]) continue;
            store(words(journal.totals)[i], words(totals)[i]);
            words(noted_)[i] = words(totals)[i];
        }
        SPR_TESTPOINT(journal_filled);
        store(journal.armed, kind);
        SPR_TESTPOINT(journal_armed);
    }

    void finish(const Totals& totals) {
        for (uint32_t i = 0; i < kWords; ++i) {
            if (words(totals_)[i] == words(totals)[i]) continue;
            store(words(segment_.control().totals)[i], words(totals)[i]);
            words(totals_)[i] = words(totals)[i];
        }
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

    SegmentView segment_;
    Totals totals_{};  // the agent's own copy: what it wrote, not what the segment says now
    Totals noted_{};   // what it wrote into the journal
};

}  // namespace spanring::ring
