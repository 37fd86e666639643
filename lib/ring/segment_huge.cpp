// SPDX-License-Identifier: Apache-2.0
//
// Huge places: for a span that is larger than an extent, while it is open (one of the first half) and once it is
// finished (a chunk of its own, of the other half). To whoever reads, each is an extent with one part: a block of which
// nobody uses anything is UNUSED, a chunk that nobody has is FREE, and either may be given back (ExtentGiver).
//
//     take      held by the slot    | UNUSED or EMPTY -> WHOLE | the slot's word names it
//     end       the slot is free    | WHOLE -> UNUSED          | held by nobody
//     claim     held for a moment   | EMPTY -> WHOLE           | FREE -> OPEN                | held by nobody
//
// One that was never used is a hole, like the page of its word: it is populated, its word written, then its bit set in
// WriterPage::huge, before which nobody looks at it. A thread that vanishes in the middle leaves its place to nobody,
// or to its slot until the span has ended.
#include "ring/segment.hpp"
#include "ring/testpoint.hpp"

namespace spanring::ring {
namespace {

constexpr uint32_t kOpenHalf = (1u << kHugeBlocks) - 1;
constexpr uint32_t kAllPlaces = ~uint32_t{0};

// Of the memory, for open spans: a place of a quarter and the smaller ones that its span has outgrown. For finished
// ones a little more, for their memory stays a while; for those that spans share, as much as chunks may have.
constexpr uint32_t most_open(uint32_t limit) { return limit * 3 / 8; }
constexpr uint32_t most_finished(uint32_t limit, bool shared) { return shared ? limit : limit / 2; }

// What an open span needs now, and at its end.
constexpr uint64_t with_room_for_end(uint32_t place) {
    return place < kHugeBlocks ? uint64_t{1} << place | uint64_t{1} << (place + kHugeBlocks) : uint64_t{1} << place;
}

}  // namespace

// No span has more than a quarter of the memory.
bool Segment::may_hold(uint32_t place, uint32_t bytes) const {
    return restores_ && view_.header().huge_places != 0 && huge_size(place) >= bytes &&
           huge_size(place) / kExtentSize <= extent_limit_ / 4;
}

bool Segment::hold_huge(uint32_t place, uint32_t holder) {
    uint32_t nobody = 0;
    // acquire: what its last holder did. Pairs with the release in let_go_huge(). Without it a place could be used that
    // is not yet UNUSED to this thread, and be given back in its hands.
    return StdAtomics::load(holders_[place], std::memory_order_relaxed) == 0 &&
           StdAtomics::compare_exchange(holders_[place], nobody, holder, std::memory_order_acquire);
}

// Which idle places would have to give their memory up for these to have it, where that is `have`: a bit each. 0: none,
// it fits.
uint32_t Segment::lacking(uint64_t have, uint64_t wanted, bool shared) const {
    const auto huge = static_cast<uint32_t>(wanted), more = huge & ~static_cast<uint32_t>(have);
    if ((more & kOpenHalf) != 0 && extents_of_huge(huge & kOpenHalf) > most_open(extent_limit_)) return kOpenHalf;
    if ((more & ~kOpenHalf) != 0 && extents_of_huge(huge & ~kOpenHalf) > most_finished(extent_limit_, shared))
        return ~kOpenHalf;
    uint32_t unused;
    const bool fits = memory_of(wanted) <= extent_limit_ &&
                      leaves_shares(ExtentKind::kNone, 0, 0, extents(), extents_of_huge(huge), unused);
    return fits ? 0 : kAllPlaces;
}

// Its memory counts among that of all, from before it is there until it was seen to be gone; that of a block twice, so
// that there is room for the end of its span. A span that grows needs no more than one end: where there is no room for
// both, the one that is kept for its smaller places becomes that of this one, in one step.
bool Segment::reserve_huge(uint32_t place, bool shared) {
    uint64_t have = StdAtomics::load(memory_, std::memory_order_relaxed);  // the exchange decides
    uint32_t outgrown = 0;
    const auto outgrow = [&](bool idle) {
        const uint32_t more = hold_outgrown(place, idle);
        outgrown |= more;
        return more != 0;
    };
    bool done = false;
    for (;;) {
        const uint64_t wanted = (have & ~uint64_t{outgrown}) | with_room_for_end(place);
        const uint32_t lacks = (have | wanted) == have ? 0 : lacking(have, wanted, shared);
        if (lacks == 0) {
            // relaxed: numbers.
            done = StdAtomics::compare_exchange(memory_, have, wanted, std::memory_order_relaxed);
            if (done) break;
            continue;
        }
        // What nobody uses of extents; and what finished spans have left is memory of an open one, too, which would
        // otherwise be refused something; and so is what open ones have left.
        const uint32_t size = huge_size(place) / kExtentSize;
        const bool more = outgrow(false) || forget_gone() || take_done() ||
                          (lacks == kAllPlaces && !shared && lend_extents(2 * size)) ||
                          (place < kHugeBlocks && (empty_idle(lacks) || outgrow(true)));
        if (!more) break;
        have = StdAtomics::load(memory_, std::memory_order_relaxed);
    }
    for (; outgrown != 0; outgrown &= outgrown - 1) let_go_huge(static_cast<uint32_t>(__builtin_ctz(outgrown)));
    return done;
}

// The places that are kept for the ends of the smaller ones of a span, and have no memory: held from now on, so that
// they get none. `idle`: those that have some, too, which goes.
uint32_t Segment::hold_outgrown(uint32_t place, bool idle) {
    uint32_t held = 0;
    const uint32_t holder = place < kHugeBlocks ? StdAtomics::load(holders_[place], std::memory_order_relaxed) : 0;
    for (uint32_t block = 0; holder != 0 && huge_size(block) < huge_size(place); ++block) {
        const uint32_t end = block + kHugeBlocks;
        if (StdAtomics::load(holders_[block], std::memory_order_relaxed) != holder ||  // its own note
            is_short_of_memory(end) || !hold_huge(end, kPassing))
            continue;
        if (memory_of_huge(end) == ExtentMemory::kEmpty || (idle && empty_held(end)))
            held |= uint32_t{1} << end;
        else
            let_go_huge(end);
    }
    return held;
}

// What the largest place that the slot has needs for its end: again, where it was to become that of a larger one which
// is not to be had.
void Segment::keep_end(const Slot& slot) {
    for (uint32_t place = kHugeBlocks; place-- != 0;)
        if (StdAtomics::load(holders_[place], std::memory_order_relaxed) == holder_of(slot)) {  // its own note
            reserve_huge(place, false);
            return;
        }
}

// By whoever holds it, and knows that it has no memory.
void Segment::unreserve_huge(uint32_t place) {
    uint64_t have = StdAtomics::load(memory_, std::memory_order_relaxed);  // the exchange decides
    while (!StdAtomics::compare_exchange(memory_, have, have & ~(uint64_t{1} << place), std::memory_order_relaxed))
        continue;  // relaxed: numbers
    note_unused();
}

// Whether the end of an open span may need the memory that is kept for it there: of the largest place that it has, not
// of one that it may not get. A guess; the end asks for it once more.
bool Segment::is_kept_for_end(uint32_t place) const {
    if (place < kHugeBlocks) return false;
    const uint32_t block = place - kHugeBlocks;
    const uint32_t holder = StdAtomics::load(holders_[block], std::memory_order_relaxed);
    if (holder == 0) return false;
    for (uint32_t other = block + 1; other < kHugeBlocks; ++other)
        if (huge_size(other) > huge_size(block) && memory_of_huge(other) == ExtentMemory::kWhole &&
            StdAtomics::load(holders_[other], std::memory_order_relaxed) == holder)
            return false;
    return true;
}

// What was given back is free to be reserved again, and what was kept for an end that needed it no more. True:
// something was.
bool Segment::forget_gone() {
    bool any = false;
    for (uint32_t place = 0; place < kHugePlaces; ++place) {
        if ((huge_with_memory() >> place & 1) == 0) continue;
        if (is_kept_for_end(place) || !hold_huge(place, kPassing)) continue;
        if (memory_of_huge(place) == ExtentMemory::kEmpty) {
            unreserve_huge(place);
            any = true;
        }
        let_go_huge(place);
    }
    return any;
}

// Populates one that is held and has no memory. False: it still has none, not even a part of it.
bool Segment::fill_huge(uint32_t place) {
    if (!reserve_huge(place, false)) return false;
    if (try_to_populate(kFirstHuge + place)) return true;
    // Nobody else puts anything there, with the agent's lock or without.
    remove(view_.huge(place), huge_size(place));
    unreserve_huge(place);
    return false;
}

// A place that was never used, and is held.
bool Segment::begin_huge(uint32_t place) {
    if (!fill_huge(place)) return false;
    const uint32_t extent = kFirstHuge + place;
    uint64_t none = 0;
    // relaxed: published by the next one. An exchange: who held it before, and is late, changes nothing.
    StdAtomics::compare_exchange(view_.extent_word(extent), none, ExtentWord{kind_of_huge(place)}.pack(),
                                 std::memory_order_relaxed);
    SPR_TESTPOINT(huge_taken);
    // release: the place and its word before the bit. Pairs with the acquires in is_huge() and ExtentMap::update().
    // Without it one could be looked at that is of no kind, and a sound segment be quarantined.
    uint64_t& places = view_.writer().huge;
    uint64_t seen = StdAtomics::load(places, std::memory_order_relaxed);  // the exchange decides
    while (!StdAtomics::compare_exchange(places, seen, seen | uint64_t{1} << place, std::memory_order_release))
        continue;
    SPR_TESTPOINT(huge_counted);
    return true;
}

// One that is held has memory, and nobody gives it back: of chunks nobody who sees the word as it is now.
bool Segment::make_huge_whole(uint32_t place) {
    if (!is_huge(place)) return begin_huge(place);
    const uint32_t extent = kFirstHuge + place;
    // acquire: that it is punched, where it is. Pairs with the release in ExtentGiver::leave(). Without it it could be
    // populated before that.
    uint64_t seen = StdAtomics::load(view_.extent_word(extent), std::memory_order_acquire);
    ExtentWord word = ExtentWord::unpack(seen);
    if (word.memory == ExtentMemory::kWhole) return true;
    if (word.memory == ExtentMemory::kGiving) return false;
    if (word.memory == ExtentMemory::kEmpty && !fill_huge(place)) return false;
    // What its last span had for its end may have been forgotten since.
    if (word.memory == ExtentMemory::kUnused && !reserve_huge(place, false)) return false;
    const bool was_empty = word.memory == ExtentMemory::kEmpty;
    word.memory = ExtentMemory::kWhole;
    // release: that it is populated. Pairs with the acquire in ChunkWriter::claim(). It counts how often its memory
    // went: who populated it before it went once more does not make it whole.
    const bool made =
        StdAtomics::compare_exchange(view_.extent_word(extent), seen, word.pack(), std::memory_order_release);
    SPR_TESTPOINT(huge_restored);
    if (!made && was_empty) remove(view_.huge(place), huge_size(place));  // of what is EMPTY nobody expects memory
    return made;
}

uint32_t Segment::take_huge_block(Slot& slot, uint32_t bytes) {
    take_done();            // spans that waited may have some
    bool is_short = false;  // then one that has its memory will do, and no other
    for (uint32_t place = 0; place < kHugeBlocks; ++place) {
        if (!may_hold(place, bytes + kSpareForEnd) || (is_short && is_short_of_memory(place)) ||
            !hold_huge(place, holder_of(slot)))
            continue;
        // First: whoever gives the slot's blocks back then looks for this one, too.
        if (slot.blocks[kBlockClasses - 1] == 0)
            StdAtomics::store(slot.blocks[kBlockClasses - 1], kHugeMark, std::memory_order_relaxed);
        if (make_huge_whole(place)) return place;
        let_go_huge(place);
        keep_end(slot);
        is_short = is_short || is_short_of_memory(place);
    }
    return kNone;
}

// What the slot holds of them: its span has ended.
void Segment::give_huge_blocks(Slot& slot) {
    if (slot.blocks[kBlockClasses - 1] == kHugeMark) slot.blocks[kBlockClasses - 1] = 0;
    const uint32_t holder = holder_of(slot);
    for (uint32_t place = 0; place < kHugeBlocks; ++place) {
        if (StdAtomics::load(holders_[place], std::memory_order_relaxed) != holder) continue;  // its own note
        // relaxed: whoever made it whole is this slot's, and nobody else changes it then.
        ExtentWord word = ExtentWord::unpack(
            is_huge(place) ? StdAtomics::load(view_.extent_word(kFirstHuge + place), std::memory_order_relaxed) : 0);
        if (word.kind == ExtentKind::kHugeBlock && word.memory == ExtentMemory::kWhole) {
            // Not disturb(): every call on a span looks for its data by its slot's word, none keeps a place in mind.
            StdAtomics::store(given_when_[place], looks(), std::memory_order_relaxed);  // a number
            word.memory = ExtentMemory::kUnused;
            ++word.gives;
            // release: what the span wrote. Pairs with the acquire in ExtentGiver::take_unused(), which says what
            // breaks.
            StdAtomics::store(view_.extent_word(kFirstHuge + place), word.pack(), std::memory_order_release);
            SPR_TESTPOINT(huge_unused);
        } else if (word.kind == ExtentKind::kNone || word.memory == ExtentMemory::kEmpty) {
            remove(view_.huge(place), huge_size(place));  // a thread vanished while it populated it
        }
        let_go_huge(place);
        note_unused();
    }
}

// Never used, or FREE, with memory or without.
bool Segment::may_claim_huge(uint32_t place) const {
    if (!is_huge(place)) return true;
    // relaxed: a guess. claim() decides.
    const uint64_t word =
        StdAtomics::load(view_.chunk_line((kFirstHuge + place) * kChunksPerExtent).word, std::memory_order_relaxed);
    return ChunkWord::unpack(word).state == ChunkState::kFree;
}

// With just the room that is needed: it holds one span, or is widened.
bool Segment::claim_huge(ChunkWriter<>& writer, uint32_t place, uint32_t bytes, uint32_t owner) {
    const uint32_t extent = kFirstHuge + place, chunk = extent * kChunksPerExtent;
    return may_claim_huge(place) && make_huge_whole(place) &&
           writer.claim(chunk, view_.chunk_line(chunk), view_.extent_word(extent), view_.extent(extent), bytes, owner);
}

// ret_short: one more that would do, had it memory.
bool Segment::claim_any_huge(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner, uint32_t& ret_short) {
    ret_short = kNone;
    uint32_t least = kNone;
    for (uint32_t place = kHugeBlocks; place < kHugePlaces; ++place) {
        if (!may_hold(place, bytes)) continue;
        if (least == kNone) least = huge_size(place);
        // One that is kept for a larger span stays so. What is kept for an end may be behind one that is short.
        if ((huge_size(place) > least && is_kept_for_end(place)) || (ret_short != kNone && is_short_of_memory(place)) ||
            !hold_huge(place, kPassing))
            continue;
        const bool got = claim_huge(writer, place, bytes, owner);
        let_go_huge(place);
        if (got) return true;
        if (ret_short == kNone && is_short_of_memory(place)) ret_short = place;
    }
    return false;
}

// One that has memory comes before the memory of others.
bool Segment::find_huge_chunk(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner, Loss& loss) {
    uint32_t place;
    do
        if (claim_any_huge(writer, bytes, owner, place)) return true;
    while (place != kNone && (take_done() || empty_idle_for(place)));
    return overwrite_ && overwrite_huge(writer, bytes, owner, loss);
}

// A chunk for spans that are no larger than others, one after another: where they would leave much of a smaller one
// unused. What an open span may need for its end is left to it. Not where the oldest give way, which are looked for
// among smaller ones alone. One of more than 256 KiB not where records of `mean` bytes are so many that a word cannot
// count them; nor where an agent ever came, for it frees a chunk once all of it is acknowledged, of large ones too
// late.
bool Segment::share_huge(ChunkWriter<>& writer, uint32_t bytes, uint32_t mean, uint32_t owner) {
    if (overwrite_) return false;
    const uint64_t quarter = uint64_t{extent_limit_} * kExtentSize / 4;
    const uint64_t writers = StdAtomics::load(writers_, std::memory_order_relaxed);  // a number, as is the next one
    const bool is_drained = StdAtomics::load(view_.control().attachments, std::memory_order_relaxed) != 0;
    for (uint32_t place = kHugeBlocks; place < kHugePlaces; ++place) {
        if (!may_hold(place, bytes) || huge_size(place) * writers > quarter) return false;  // nor any that follows
        const bool is_large = huge_size(place) > huge_size(0);
        if (is_large && (is_drained || huge_size(place) / kMostSpansInChunk >= mean)) return false;
        if (is_kept_for_end(place) || !may_claim_huge(place) || !hold_huge(place, kPassing)) continue;
        const bool got =  // what is reserved then, and not there, forget_gone() finds
            reserve_huge(place, true) && claim_huge(writer, place, bytes, owner);
        let_go_huge(place);
        if (got) return writer.widen(huge_size(place), bytes);
    }
    return false;
}

// What spans had there, and nobody has any more, is room for extents. True: there is more of it than before.
[[gnu::noinline]] bool Segment::empty_huge() {
    return restores_ && huge_with_memory() != 0 && (forget_gone() || take_done() || empty_idle(kAllPlaces));
}

// For a place of finished spans, whose memory was not to be had.
bool Segment::empty_idle_for(uint32_t place) {
    const uint64_t have = StdAtomics::load(memory_, std::memory_order_relaxed);  // a guess: it is asked for once more
    const uint32_t lacks = lacking(have, have | uint64_t{1} << place, false);
    return empty_idle(lacks != 0 ? lacks : kAllPlaces);
}

// The largest of these that nobody has and that is kept for nobody's end, those of finished spans first.
bool Segment::empty_idle(uint32_t places) {
    bool any = false;
    for (uint32_t place = kHugePlaces; !any && place-- != 0;) {
        if ((places >> place & 1) == 0 || !is_huge(place) || is_kept_for_end(place) ||
            memory_of_huge(place) == ExtentMemory::kEmpty || !hold_huge(place, kPassing))
            continue;
        any = empty_held(place);
        if (any) unreserve_huge(place);
        let_go_huge(place);
    }
    return any;
}

// One that is held, if nobody has it. Without the agent's lock: nobody but who holds a place populates it or makes it
// whole, and an agent gives back what it finds WHOLE, or of blocks UNUSED. Who writes into a block when its span has
// ended, against the rules, makes memory there once more, until its next span has ended.
bool Segment::empty_held(uint32_t place) {
    const ExtentMemory idle = place < kHugeBlocks ? ExtentMemory::kUnused : ExtentMemory::kWhole;
    uint64_t& word = view_.extent_word(kFirstHuge + place);
    // relaxed: what its last span wrote was acquired with the place, before it is punched.
    uint64_t seen = StdAtomics::load(word, std::memory_order_relaxed);
    ExtentWord empty = ExtentWord::unpack(seen);
    if (empty.memory != idle || (place >= kHugeBlocks && !may_claim_huge(place))) return false;
    empty.memory = ExtentMemory::kEmpty;
    ++empty.gives;
    // relaxed: an exchange of its own decides, and whoever makes it whole holds it after this thread.
    const bool any = StdAtomics::compare_exchange(word, seen, empty.pack(), std::memory_order_relaxed);
    SPR_TESTPOINT(huge_emptied);
    if (!any) return false;
    if (remove(view_.huge(place), huge_size(place))) {
        // relaxed, both: they say nothing but when. What was refused for want of memory may be had now.
        StdAtomics::store(grow_after_, uint64_t{0}, std::memory_order_relaxed);
        StdAtomics::store(huge_after_, uint64_t{0}, std::memory_order_relaxed);
        return true;
    }
    seen = empty.pack();  // it stays: the memory is locked
    empty.memory = idle;
    StdAtomics::compare_exchange(word, seen, empty.pack(), std::memory_order_relaxed);
    return false;
}

// The oldest that is large enough; the agent may take it first, and then the next one.
bool Segment::overwrite_huge(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner, Loss& loss) {
    for (uint32_t attempt = 0; attempt < kHugePlaces - kHugeBlocks; ++attempt) {
        uint32_t oldest = kNone;
        uint64_t lowest = ~uint64_t{0};
        for (uint32_t place = kHugeBlocks; place < kHugePlaces; ++place) {
            if (!may_hold(place, bytes) || !is_huge(place)) continue;
            const ChunkLine& line = view_.chunk_line((kFirstHuge + place) * kChunksPerExtent);
            // relaxed, both: a guess. overwrite() decides.
            const ChunkWord word = ChunkWord::unpack(StdAtomics::load(line.word, std::memory_order_relaxed));
            const uint64_t sequence = StdAtomics::load(line.sequence, std::memory_order_relaxed);
            if (word.state != ChunkState::kFull || sequence >= lowest) continue;
            lowest = sequence;
            oldest = kFirstHuge + place;
        }
        if (oldest == kNone) return false;
        const uint32_t chunk = oldest * kChunksPerExtent;
        if (writer.overwrite(chunk, view_.chunk_line(chunk), view_.chunk_mark(chunk), view_.extent(oldest), bytes,
                             owner, loss))
            return true;
    }
    return false;
}

}  // namespace spanring::ring
