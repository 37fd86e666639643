// SPDX-License-Identifier: Apache-2.0
//
// Extents whose memory went, and what becomes of it: it comes again where somebody wants a chunk of that kind, or it is
// lent to huge places, for spans that are larger than an extent. Otherwise a burst of small spans that once took every
// extent would leave no memory to large ones for the rest of the process's life.
//
//     lend        nobody holds it, EMPTY, nothing in use | what memory is left there goes | counted as lent
//     take back   its memory is reserved again           | EMPTY, as before
//     restore     held, EMPTY: populated                 | word EMPTY -> whole
//
// To whoever reads, one that is lent is EMPTY like any other: it is lent in the process's memory alone. A thread that
// vanishes while it lends one, or takes it back, takes the extent with it.
#include "ring/segment.hpp"
#include "ring/testpoint.hpp"

namespace spanring::ring {

bool Segment::is_empty(uint32_t extent) const {
    // relaxed: of one that is nobody's a guess. Who holds it has acquired what its last holder did.
    const uint64_t word = StdAtomics::load(view_.extent_word(extent), std::memory_order_relaxed);
    return ExtentWord::unpack(word).memory == ExtentMemory::kEmpty;
}

// No chunk of it is claimed as long as it is EMPTY: all that are FREE stay so.
bool Segment::has_free_chunks_alone(uint32_t extent, ExtentKind kind) const {
    for (uint32_t place = 0; place < parts_of(kind); ++place) {
        // relaxed: nothing of it is read. Of one that became FREE the agent has read what there was.
        const uint64_t word =
            StdAtomics::load(view_.chunk_line(extent * kChunksPerExtent + place).word, std::memory_order_relaxed);
        if (ChunkWord::unpack(word).state != ChunkState::kFree) return false;
    }
    return true;
}

bool Segment::lend_extent(uint32_t extent) {
    ExtentKind kind;
    if (!is_empty(extent) || !parts_.begin_lending(extent, kind)) return false;
    uint8_t* const bytes = view_.extent(extent);
    const bool lends = is_empty(extent) && (!holds_chunks(kind) || has_free_chunks_alone(extent, kind)) &&
                       (!is_in_memory(bytes, kExtentSize) || remove(bytes, kExtentSize));
    SPR_TESTPOINT(extent_lending);
    if (!lends) {
        put_back(extent, kind);
        return false;
    }
    // relaxed: a number.
    StdAtomics::fetch_add(memory_, uint64_t{1} << kLentShift, std::memory_order_relaxed);
    parts_.lend(extent, kind);
    SPR_TESTPOINT(extent_lent);
    note_unused();
    return true;
}

// One that was lent, or nearly so.
void Segment::put_back(uint32_t extent, ExtentKind kind) {
    if (holds_chunks(kind))
        parts_.finish_turn(extent, kind);
    else
        parts_.close(extent, kind, looks());
    note_unused();
}

// At most so many, from the last one on. True: one at least.
[[gnu::noinline]] bool Segment::lend_extents(uint32_t most) {
    uint32_t lent = 0;
    for (uint32_t extent = extents(); lent < most && extent-- != 0;) lent += lend_extent(extent);
    return lent != 0;
}

// False: it is not lent, or huge places need the memory.
bool Segment::take_lent_back(uint32_t extent) {
    uint64_t have = StdAtomics::load(memory_, std::memory_order_relaxed);  // the exchange decides
    if (memory_of(have) + 1 > extent_limit_) return false;
    const ExtentKind kind = parts_.lent_kind(extent);
    if (kind == ExtentKind::kNone || !parts_.take_back(extent, kind)) return false;
    SPR_TESTPOINT(extent_coming_back);
    bool fits;
    do fits = memory_of(have) + 1 <= extent_limit_;
    // relaxed: a number.
    while (fits &&
           !StdAtomics::compare_exchange(memory_, have, have - (uint64_t{1} << kLentShift), std::memory_order_relaxed));
    if (fits) {
        put_back(extent, kind);
    } else {
        parts_.lend(extent, kind);
        note_unused();  // who found this thread at it has to search again: there may be memory by now
    }
    return fits;
}

// Of chunks. False: none is lent, or its memory is not to be had, or is kept for other kinds.
bool Segment::take_any_back(ExtentKind kind) {
    const uint32_t count = extents();
    uint32_t unused;
    if (!leaves_shares(kind, 0, 1, count, extents_of_huge(huge_with_memory()), unused)) return false;
    for (uint32_t extent = 0; extent < count; ++extent)
        if (parts_.lent_kind(extent) == kind && take_lent_back(extent)) return true;
    return false;
}

// One that is held, so that it is not lent meanwhile. False: its memory did not go, or is not to be had now.
bool Segment::populate_again(uint32_t extent) {
    // acquire: that the extent is punched. Pairs with the release in ExtentGiver::leave(). Without it it could be
    // populated before that.
    uint64_t seen = StdAtomics::load(view_.extent_word(extent), std::memory_order_acquire);
    ExtentWord word = ExtentWord::unpack(seen);
    if (word.memory != ExtentMemory::kEmpty || !try_to_populate(extent)) return false;
    word.memory = ExtentMemory::kWhole;
    // release: that the extent is populated. Pairs with the acquire in ChunkWriter::claim(). Without it another thread
    // could touch it too early. It counts how often its memory went: what somebody else made whole, and an agent gave
    // back once more, is not made whole by a thread that populated it before.
    StdAtomics::compare_exchange(view_.extent_word(extent), seen, word.pack(), std::memory_order_release);
    SPR_TESTPOINT(extent_restored);
    note_unused();  // who found it empty, and then another thread at it, has to search again
    return true;
}

// One of that kind of chunks whose memory went becomes whole. True: there may be a free chunk now; search again.
bool Segment::restore_extent(ExtentKind kind) {
    do {
        const uint32_t count = extents();
        for (uint32_t extent = 0; extent < count; ++extent) {
            if (this->kind(extent) != kind || !is_empty(extent) || !parts_.hold(extent, kind)) continue;
            const bool restored = populate_again(extent);
            const bool is_short = !restored && is_empty(extent);
            parts_.let_go(extent);
            if (restored || is_short) return restored;
        }
    } while (any_lent() && take_any_back(kind));
    return false;
}

}  // namespace spanring::ring
