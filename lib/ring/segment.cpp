// SPDX-License-Identifier: Apache-2.0
#include "ring/segment.hpp"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "ring/chunk_fit.hpp"
#include "ring/fork_guard.hpp"
#include "ring/testpoint.hpp"

namespace spanring::ring {
namespace {

constexpr uint64_t kGrowthPause = 100'000'000;  // nanoseconds between two tries at a full tmpfs

// Extents that keep their memory, used or not: half of what a process keeps of tmpfs in any case, and the first one, of
// slots, in the smallest segment. Where few spans are open at once, what comes and goes costs nothing more, and no
// thread finds the only slots in the hands of one that closes them.
constexpr uint32_t kept_extents(uint32_t limit) { return limit < 64 ? 1 : limit / 32 < 8 ? limit / 32 : 8; }

constexpr uint32_t kManyExtents = 64;  // a segment with fewer has few chunks, and rather smaller ones

constexpr ExtentKind kChunkKinds[] = {ExtentKind::kLargeChunks, ExtentKind::kJumboChunks, ExtentKind::kSmallChunks};

// In a segment with few extents there are blocks of two classes alone: what a span needs next in a larger one is not
// taken up by what it has outgrown.
constexpr bool is_small(uint32_t limit) { return limit >= 5 && limit < 2 * kExtentKinds; }
constexpr bool is_left_out(ExtentKind kind, uint32_t limit) {
    return is_small(limit) && (kind == ExtentKind::kBlocks2K || kind == ExtentKind::kBlocks4K);
}

// The least that is kept for a kind, of so many extents: what one kind fills up is no reason to refuse another. Chunks
// keep their extents, so what is kept for open spans is what a full ring leaves of them; open spans give theirs back,
// and what is kept for chunks is what they need to end. The smallest segments keep one each at most.
constexpr uint32_t least_share(ExtentKind kind, uint32_t limit) {
    if (limit < 5) return 0;
    if (is_small(limit)) return !is_left_out(kind, limit) && kind != ExtentKind::kBlocks64K;
    uint32_t share = 0;
    switch (kind) {
        case ExtentKind::kSlots: share = limit / 10; break;
        case ExtentKind::kLargeChunks: share = limit / 32; break;
        case ExtentKind::kJumboChunks:
        case ExtentKind::kBlocks2K:
        case ExtentKind::kBlocks4K:
        case ExtentKind::kBlocks16K:
        case ExtentKind::kBlocks64K:
        case ExtentKind::kSmallChunks: share = limit / 256; break;
        case ExtentKind::kNone:
        case ExtentKind::kHugeBlock:
        case ExtentKind::kHugeChunk: return 0;
    }
    return share != 0 ? share : 1;
}

}  // namespace

int Segment::open(const SegmentRequest& request, Clock& clock, uint64_t* pool_memory) {
    SegmentFile file;
    bell_ = Bell();
    if (!request.whole) file.path = bell_.path();
    if (const int error = create_segment(request, file)) return error;
    size_ = file.size;
    extent_limit_ = request.extent_limit;
    populated_ = file.extents;
    overwrite_ = request.full_policy == 1;
    first_generation_ = request.first_generation;
    clock_ = &clock;
    parts_.reset(pool_memory);
    lines_.reset(reinterpret_cast<uint32_t*>(pool_memory + extent_limit_));
    for (uint32_t& hint : hints_) hint = 0;
    writers_ = 0;
    parked_ = adopted_ = unused_ = 0;
    grow_after_ = huge_after_ = 0;
    jumbo_extents_ = waiting_ = most_waiting_ = 0;
    most_waiting_at_ = done_ = 0;
    looker_ = looks_ = extents_left_ = 0;
    freed_ = 0;
    memory_ = uint64_t{populated_} << kCountedShift;
    for (uint32_t& holder : holders_) holder = 0;
    view_ = SegmentView(file.base, extent_limit_);
    restores_ = (view_.header().compatible & kRestoresMemory) != 0;
    look_after_ = restores_ ? clock_->ticks() + ticks_in(kLookPause) : kNever;
    return 0;
}

void Segment::abandon() {
    if (view_) cover_hole(view_.base(), size_);
    view_ = SegmentView();
    look_after_ = kNever;
}

void Segment::close() {
    if (view_) munmap(view_.base(), size_);
    view_ = SegmentView();
}

void Segment::cover() {
    if (view_) replace_by_scratch(view_.base(), size_);
}

// Whether enough is left for the other kinds if so many more extents are of this one, and so many more have memory,
// where `taken` are, and huge places have the memory of some (`huge`). Of those that are lent others have the memory:
// these can still be of their kind, if they are chunks, and of any other. ret_unused: an extent of open spans in which
// nothing is used, rather one that has its memory, and not one that is lent if there is another. Two threads that ask
// at once may both be told yes, for the last one.
bool Segment::leaves_shares(ExtentKind kind, uint32_t more, uint32_t memory, uint32_t taken, uint32_t huge,
                            uint32_t& ret_unused) const {
    ret_unused = kNone;
    uint32_t have[kExtentKinds] = {}, lent[kExtentKinds] = {}, all_lent = 0, unused = 0, best = 0;
    for (uint32_t extent = 0; extent < taken; ++extent) {
        const ExtentKind lent_kind = parts_.lent_kind(extent);
        if (holds_chunks(lent_kind)) {
            ++lent[static_cast<uint32_t>(lent_kind)];
            ++all_lent;
            continue;
        }
        if (lent_kind == ExtentKind::kNone && !parts_.is_closed(extent) && !parts_.is_unused(extent)) {
            ++have[static_cast<uint32_t>(this->kind(extent))];
            continue;
        }
        ++unused;
        // relaxed: a guess. turn_extent() decides.
        const uint64_t word = StdAtomics::load(view_.extent_word(extent), std::memory_order_relaxed);
        const ExtentMemory is = ExtentWord::unpack(word).memory;
        const uint32_t rank = lent_kind != ExtentKind::kNone ? 1 : is == ExtentMemory::kEmpty ? 2 : 3;
        if (is == ExtentMemory::kGiving || rank < best || parts_.is_busy(extent)) continue;
        best = rank;
        ret_unused = extent;
    }
    uint32_t kept = 0, kept_memory = 0;
    for (uint32_t other = 1; other < kExtentKinds; ++other) {
        const uint32_t least = least_share(static_cast<ExtentKind>(other), extent_limit_);
        if (other == static_cast<uint32_t>(kind) || have[other] >= least) continue;
        kept_memory += least - have[other];
        if (have[other] + lent[other] < least) kept += least - have[other] - lent[other];
    }
    return extent_limit_ - taken + unused >= kept + more &&
           extent_limit_ - taken + unused + all_lent >= kept_memory + memory + huge;
}

uint64_t Segment::ticks_in(uint64_t nanoseconds) const {
    const uint64_t of_a_thousand = clock_->nanoseconds(1000);
    return of_a_thousand == 0 ? nanoseconds : nanoseconds / of_a_thousand * 1000;
}

// Two threads may populate the same extent; that is harmless, and one of them takes it. False: not now. A huge place
// that is not to be had says nothing about an extent, which needs so much less, nor does an extent about a huge place.
bool Segment::try_to_populate(uint32_t extent) {
    const uint64_t now = clock_->ticks();
    uint64_t& after = extent < kFirstHuge ? grow_after_ : huge_after_;
    const uint64_t pause = StdAtomics::load(after, std::memory_order_relaxed);  // it says nothing but when
    if (pause != 0 && now < pause) return false;
    if (populate_extent(view_, extent) != 0) {
        StdAtomics::store(after, now + ticks_in(kGrowthPause), std::memory_order_relaxed);
        return false;
    }
    // relaxed: as above. What another thread notes meanwhile is lost, and its next growth is tried at once.
    if (pause != 0) StdAtomics::store(after, uint64_t{0}, std::memory_order_relaxed);
    SPR_TESTPOINT(extent_populated);
    return true;
}

uint64_t Segment::search_again_at() const {
    // relaxed: it says nothing but when.
    return StdAtomics::load(grow_after_, std::memory_order_relaxed) == 0 ? kNever
                                                                         : clock_->ticks() + ticks_in(kGrowthPause);
}

// The memory of all extents up to this one is theirs from now on, taken or not. False: huge places have it, or there is
// no such extent, though there may be memory, of those that are lent.
bool Segment::reserve_extent(uint32_t extent) {
    if (extent >= extent_limit_) return false;
    uint64_t have = StdAtomics::load(memory_, std::memory_order_relaxed);  // the exchange decides
    for (;;) {
        const uint32_t counted = all_counted(have);
        if (extent < counted) return true;
        if (memory_of(have) + extent + 1 - counted > extent_limit_) return false;
        const uint64_t more = have + (uint64_t{extent + 1 - counted} << kCountedShift);
        // relaxed: numbers.
        if (StdAtomics::compare_exchange(memory_, have, more, std::memory_order_relaxed)) return true;
    }
}

// `seen`: how many extents there were when no part of this kind was free. True: there is another one, of whatever kind;
// search again.
bool Segment::take_extent(ExtentKind kind, uint32_t seen) {
    WriterPage& page = view_.writer();
    if (seen < StdAtomics::load(page.extents, std::memory_order_relaxed)) return true;  // somebody else was faster
    uint32_t unused;
    const uint32_t huge = extents_of_huge(huge_with_memory());
    if (is_left_out(kind, extent_limit_) || !leaves_shares(kind, 1, 1, seen, huge, unused)) return false;
    if (unused != kNone && turn_extent(unused, kind)) return true;
    if (!reserve_extent(seen)) return false;  // all that is left is being given back, or another thread was faster
    // Held meanwhile: where another thread takes it, and its memory goes before this one comes to it, what comes late
    // would be more than there may be, had somebody else been given it (lend_extent()).
    const bool is_held = seen >= populated_ && parts_.hold_untaken(seen);
    SPR_TESTPOINT(extent_reserved);
    if (is_held && !try_to_populate(seen)) {
        // Another thread may have taken it meanwhile, and be done with it. Of one that nobody took nothing is said:
        // each writer that finds the ring full would search all of it again.
        if (parts_.let_go(seen) && this->kind(seen) != ExtentKind::kNone) became_unused(seen);
        return false;
    }
    uint64_t none = 0;
    // release: publishes that the extent is populated. Pairs with the acquire in the agent's ExtentMap. Spare as long
    // as whoever counts an extent has populated it as well; right without a look at that.
    if (StdAtomics::compare_exchange(view_.extent_word(seen), none, ExtentWord{kind}.pack(), std::memory_order_release))
        note_kind(kind);
    else
        kind = ExtentWord::unpack(none).kind;
    SPR_TESTPOINT(extent_taken);
    parts_.begin(seen, kind);
    uint32_t expected = seen;
    // By whoever comes first, so that nobody waits for a thread that vanished in between. release: the word, which this
    // thread has written or seen, before the count. Pairs with the acquire in extents() and in the agent's ExtentMap.
    // Without it an extent could be counted whose word is not there.
    StdAtomics::compare_exchange(page.extents, expected, seen + 1, std::memory_order_release);
    SPR_TESTPOINT(extent_counted);
    if (is_held && parts_.let_go(seen)) note_unused();  // not closed, though: somebody just wants some
    return true;
}

// The slots of an extent that is the caller's alone become free ones.
void Segment::make_slots(uint32_t extent) {
    // What lies there is somebody's data. Generations go on from where no handle of another time is likely to be.
    const auto first = first_generation_ + static_cast<uint32_t>(next_sequence() * 0x9e3779b97f4a7c15 >> 32);
    for (uint32_t place = 0; place < kSlotsPerExtent; ++place) {
        Slot& slot = view_.slot(extent * kSlotNumbers + place);
        memset(&slot, 0, offsetof(Slot, data));
        slot.generation = first;
    }
}

// Of an extent that was closed, and is the caller's alone: nobody gives its memory any more. `word`: as it was loaded,
// and as it is then. False: its memory is being given back, or not to be had again now.
bool Segment::take_back(uint32_t extent, ExtentWord& word) {
    if (word.memory == ExtentMemory::kGiving) return false;
    if (word.memory == ExtentMemory::kEmpty && !try_to_populate(extent)) return false;
    uint64_t seen = word.pack();
    word.memory = ExtentMemory::kWhole;
    // relaxed: it publishes nothing, and what is EMPTY was acquired before.
    if (!StdAtomics::compare_exchange(view_.extent_word(extent), seen, word.pack(), std::memory_order_relaxed))
        return false;
    SPR_TESTPOINT(extent_taken_back);
    return true;
}

// An extent of open spans in which nothing is used becomes one of a kind, if nobody else was faster. False: its memory
// is not to be had now.
bool Segment::turn_extent(uint32_t extent, ExtentKind kind) {
    if (parts_.lent_kind(extent) != ExtentKind::kNone && !take_lent_back(extent)) return false;
    if (!parts_.turn(extent)) return true;
    // acquire: that it is punched, where it is. Pairs with the release in ExtentGiver::leave(). Without it it could be
    // populated before that.
    ExtentWord word = ExtentWord::unpack(StdAtomics::load(view_.extent_word(extent), std::memory_order_acquire));
    const bool is_empty = word.memory == ExtentMemory::kEmpty;
    if (word.memory != ExtentMemory::kWhole && !take_back(extent, word)) {
        parts_.close(extent, word.kind, looks());
        return false;
    }
    if (kind == ExtentKind::kSlots && (is_empty || word.kind != kind)) make_slots(extent);
    if (word.kind != kind) {
        word.kind = kind;
        note_kind(kind);
        // release: the slots are free before they are slots. Pairs with the acquire in the agent's ExtentMap. Without
        // it a kill could leave slots of which the agent makes spans.
        StdAtomics::store(view_.extent_word(extent), word.pack(), std::memory_order_release);
        SPR_TESTPOINT(extent_turned);
        // release: the word before the count. Pairs with the acquire in ExtentMap::update(). Without it the agent could
        // look too early, and not again. Before anybody may claim a chunk of it, which the agent would not find.
        StdAtomics::fetch_add(view_.writer().turned, uint64_t{1}, std::memory_order_release);
    }
    parts_.finish_turn(extent, kind);
    note_unused();  // who found none before that, and another thread's claim, has to search again
    return true;
}

// Nothing of it is used: from now on whoever has the agent's lock may give its memory back. If nobody else was faster.
void Segment::close_extent(uint32_t extent) {
    if (!parts_.turn(extent)) return;
    // relaxed: whoever has turned it wrote it, or has seen it written.
    ExtentWord word = ExtentWord::unpack(StdAtomics::load(view_.extent_word(extent), std::memory_order_relaxed));
    if (word.memory == ExtentMemory::kWhole) {
        // A call on a span that has ended would make memory again: none finds its slot from here on. What is under way
        // is over long before the memory goes, some seconds later.
        ForkGuard::disturb();
        word.memory = ExtentMemory::kUnused;
        ++word.gives;
        // release: what was done to the parts. Pairs with the acquire in ExtentGiver::take_unused(), which says what
        // breaks.
        StdAtomics::store(view_.extent_word(extent), word.pack(), std::memory_order_release);
        SPR_TESTPOINT(extent_unused);
    }
    parts_.close(extent, word.kind, looks());
}

// Of slots or blocks.
[[gnu::noinline]] void Segment::became_unused(uint32_t extent) {
    if (restores_ && extent >= kept_extents(extent_limit_)) close_extent(extent);
    note_unused();
}

void Segment::begin_slot(uint32_t slot) {
    uint32_t& generation = view_.slot(slot).generation;
    // relaxed: nobody else has the slot; who asks for a handle's, by chance, finds it free.
    if (StdAtomics::load(generation, std::memory_order_relaxed) == 0)
        StdAtomics::store(generation, first_generation_, std::memory_order_relaxed);
}

uint32_t Segment::take_part(ExtentKind kind) {
    const uint32_t numbers = holds_blocks(kind) ? kBlockNumbers : kSlotNumbers;
    for (;;) {
        const uint32_t seen = extents();
        uint32_t& hint = hints_[static_cast<uint32_t>(kind)];
        uint32_t at = StdAtomics::load(hint, std::memory_order_relaxed);  // relaxed: a hint
        for (uint32_t i = 0; i < seen; ++i, ++at) {
            if (at >= seen) at = 0;
            uint32_t place = parts_.take(at, kind);
            if (place == ExtentParts<>::kNone && (parts_.is_closed(at, kind) || parts_.lent_kind(at) == kind) &&
                turn_extent(at, kind))
                place = parts_.take(at, kind);
            if (place == ExtentParts<>::kNone) continue;
            StdAtomics::store(hint, at, std::memory_order_relaxed);
            return at * numbers + place * part_numbers(kind);
        }
        if (kind == ExtentKind::kSlots && take_done()) continue;
        if (!take_extent(kind, seen) && !empty_huge()) return kNone;
    }
}

uint32_t Segment::kept_slot_extents() const { return least_share(ExtentKind::kSlots, extent_limit_); }

bool Segment::search(ChunkWriter<>& writer, ExtentKind kind, ChunkState state, uint32_t owner) {
    const uint32_t count = extents();
    const uint32_t capacity = part_size(kind);
    uint32_t& hint = hints_[static_cast<uint32_t>(kind)];
    uint32_t at = StdAtomics::load(hint, std::memory_order_relaxed);  // relaxed: a hint
    for (uint32_t i = 0; i < count; ++i, ++at) {
        if (at >= count) at = 0;
        if (this->kind(at) != kind) continue;
        for (uint32_t place = 0; place < parts_of(kind); ++place) {
            const uint32_t chunk = at * kChunksPerExtent + place;
            ChunkLine& line = view_.chunk_line(chunk);
            uint8_t* bytes = view_.chunk_bytes(chunk, capacity);
            const bool got = state == ChunkState::kFree
                                 ? writer.claim(chunk, line, view_.extent_word(at), bytes, capacity, owner)
                                 : writer.adopt(chunk, line, bytes, capacity, owner);
            if (!got) continue;
            StdAtomics::store(hint, at, std::memory_order_relaxed);
            return true;
        }
    }
    return false;
}

bool Segment::adopt_parked(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner) {
    if (StdAtomics::load(parked_, std::memory_order_relaxed) == StdAtomics::load(adopted_, std::memory_order_relaxed))
        return false;  // a guess: the words decide
    for (const ExtentKind kind : {ExtentKind::kLargeChunks, ExtentKind::kSmallChunks, ExtentKind::kJumboChunks})
        if (search(writer, kind, ChunkState::kParked, owner)) {
            StdAtomics::fetch_add(adopted_, uint64_t{1}, std::memory_order_relaxed);
            if (writer.room() >= bytes) return true;
            writer.seal(next_sequence());
        }
    return false;
}

bool Segment::overwrite_oldest(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner, Loss& loss) {
    for (int attempt = 0; attempt < 4; ++attempt) {
        uint32_t oldest = kNone;
        uint64_t lowest = ~uint64_t{0};
        uint32_t capacity = 0;
        const uint32_t count = extents();
        for (uint32_t extent = 0; extent < count; ++extent) {
            const ExtentKind kind = this->kind(extent);
            if (!holds_chunks(kind) || part_size(kind) < bytes) continue;
            for (uint32_t place = 0; place < parts_of(kind); ++place) {
                const uint32_t chunk = extent * kChunksPerExtent + place;
                const ChunkLine& line = view_.chunk_line(chunk);
                const ChunkWord word = ChunkWord::unpack(StdAtomics::load(line.word, std::memory_order_relaxed));
                const uint64_t sequence = StdAtomics::load(line.sequence, std::memory_order_relaxed);
                if (word.state != ChunkState::kFull || sequence >= lowest) continue;
                lowest = sequence;
                oldest = chunk;
                capacity = part_size(kind);
            }
        }
        if (oldest == kNone) return false;
        if (writer.overwrite(oldest, view_.chunk_line(oldest), view_.chunk_mark(oldest),
                             view_.chunk_bytes(oldest, capacity), capacity, owner, loss))
            return true;
    }
    return false;
}

// Whether spans of that size leave more than a sixteenth of a large chunk unused at its end, and less of a jumbo one.
// Half of the memory at most is in jumbo chunks because of that: a chunk is one thread's, and many may come later.
bool Segment::fits_badly(uint32_t bytes) const {
    constexpr uint32_t kMuch = kLargeChunk / 16;
    if (bytes <= kMuch) return false;
    const uint32_t rest = rest_of(kLargeChunk, bytes);
    return rest > kMuch && rest_of(kJumboChunk, bytes) < 3 * rest &&
           StdAtomics::load(jumbo_extents_, std::memory_order_relaxed) < extent_limit_ / 2;  // a number
}

// No open chunk is larger than a quarter of the memory divided by the writers, where what comes into it allows that.
ExtentKind Segment::usual_chunks(uint32_t bytes, bool first) const {
    if (bytes > kLargeChunk) return ExtentKind::kJumboChunks;
    const uint64_t quarter = extent_limit_ * kExtentSize / 4;
    const uint64_t writers = StdAtomics::load(writers_, std::memory_order_relaxed);  // a number
    if (!first && extent_limit_ >= kManyExtents && quarter >= writers * kJumboChunk && fits_badly(bytes))
        return ExtentKind::kJumboChunks;
    if (bytes > kSmallChunk) return ExtentKind::kLargeChunks;
    return first || quarter < writers * kLargeChunk ? ExtentKind::kSmallChunks : ExtentKind::kLargeChunks;
}

bool Segment::find_chunk(ChunkWriter<>& writer, uint32_t bytes, bool first, uint32_t owner, Loss& loss, uint32_t mean) {
    const ExtentKind usual = usual_chunks(bytes, first);
    if (!first && fits_worse(bytes, part_size(usual)) && share_huge(writer, bytes, mean, owner)) return true;
    const auto is_other = [&](ExtentKind kind) { return kind != usual && part_size(kind) >= bytes; };
    for (;;) {
        const uint32_t seen = extents();
        // What a leaving thread parked comes first: it is warm, and half empty chunks would otherwise pile up.
        if (bytes <= kSmallChunk / 2 && adopt_parked(writer, bytes, owner)) return true;
        if (search(writer, usual, ChunkState::kFree, owner)) return true;
        // For a larger span only now: one in which it does not fit is sealed, so that the agent can free it. Chunks
        // that nobody adopts would use up the ring for good.
        if (adopt_parked(writer, bytes, owner)) return true;
        bool more = restore_extent(usual) || take_extent(usual, seen);
        for (const ExtentKind kind : kChunkKinds)
            if (!more && is_other(kind) && search(writer, kind, ChunkState::kFree, owner)) return true;
        for (const ExtentKind kind : kChunkKinds)
            more = more || (is_other(kind) && (restore_extent(kind) || take_extent(kind, seen)));
        if (!more && !empty_huge()) return overwrite_ && overwrite_oldest(writer, bytes, owner, loss);
    }
}

bool Segment::attach_chunk(ChunkWriter<>& writer, uint32_t bytes, bool first, uint32_t owner, Loss& loss,
                           uint32_t mean) {
    loss.spans = 0;
    if (bytes > kJumboChunk ? !find_huge_chunk(writer, bytes, owner, loss)
                            : !find_chunk(writer, bytes, first, owner, loss, mean))
        return false;
    // release: the chunk's word before the count. Pairs with the acquire in the agent's AttachedSegment. Without it the
    // agent could note the count, find the chunk as it was, and not look at it again before another one is claimed.
    // acquire: the count before the look at the agent's sign, which it gave before it looked at the count. Pairs with
    // the release in AttachedSegment::lie_down(). Without it both could miss the other's.
    const uint64_t before = StdAtomics::fetch_add(view_.writer().claims, uint64_t{1}, std::memory_order_acq_rel);
    wake_agent();
    // Of large places there are few.
    const uint32_t extent = writer.chunk() / kChunksPerExtent;
    const bool few = extent >= kFirstHuge && (bytes > kJumboChunk || size_of(extent) > huge_size(0));
    wake_agent_at(few ? kWaits : before + 1);
    look_after_memory();
    return true;
}

void Segment::ring_bell(uint64_t policy) {
    // What else the agent says in the word may change meanwhile. It changes little, so that whoever does not get
    // through has seen the sign taken back, or the agent up.
    for (int attempt = 0; attempt < 4 && (policy & PolicyBits::kAsleep) != 0; ++attempt) {
        // relaxed: it tells nothing but itself.
        if (!StdAtomics::compare_exchange(view_.control().policy, policy, policy & ~PolicyBits::kAsleep,
                                          std::memory_order_relaxed))
            continue;
        SPR_TESTPOINT(sign_taken_back);
        bell_.ring();
        return;
    }
}

void Segment::wake_agent_at(uint64_t claims) {
    // relaxed: a mark that comes just now may be missed. The next claim is past it as well, and the agent looks again
    // anyhow: no sleep depends on it.
    uint64_t mark = StdAtomics::load(view_.control().bell_mark, std::memory_order_relaxed);
    if (mark == 0 || claims < mark) return;
    // relaxed: it tells nothing but itself. Whoever does not get through has seen another ring, or a new mark.
    if (StdAtomics::compare_exchange(view_.control().bell_mark, mark, uint64_t{0}, std::memory_order_relaxed))
        bell_.ring();
}

CounterLine* Segment::counter_line(uint32_t line) {
    if (line >= kCounterLines) return nullptr;
    WriterPage& page = view_.writer();
    for (;;) {
        // acquire: the line's page is populated. Pairs with the release below. Without it a thread could touch a page
        // that is not there yet (SIGBUS on a full tmpfs).
        uint32_t lines = StdAtomics::load(page.counter_lines, std::memory_order_acquire);
        if (line < lines) return &view_.counter_line(line);
        if (populate(reinterpret_cast<uint8_t*>(&view_.counter_line(lines)), kPage) != 0) return nullptr;
        // release: publishes that the page is populated. Pairs with the acquire above, in sum_counters(), in
        // LevelWriter::settle() and in the agent's Burial::recover(). Without it these could touch it too early.
        StdAtomics::compare_exchange(page.counter_lines, lines, lines + kCounterLinesPerPage,
                                     std::memory_order_release);
    }
}

}  // namespace spanring::ring
