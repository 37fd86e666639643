// SPDX-License-Identifier: Apache-2.0
//
// The process's own segment: what is free in it, and how it grows. Private memory of the process, shared by its
// threads; every operation may be called by any thread at any signal level and none waits for another.
//
// What is free is known twice: chunks by their word in shared memory (the agent frees them), slots and blocks only here
// (the agent never touches them while the process lives). An extent is nobody's until it is taken for one kind of
// parts; it is taken where no part of that kind is free, as long as enough is left for the other kinds
// (leaves_shares()). One of slots or blocks that are all free again may be turned into one of any kind; all but the
// first few are closed then, so that their memory may go (close_extent()).
//
// A span that no extent has room for lies in a huge place (segment_huge.cpp), open and finished. Each of these is held
// by one slot, or for a moment by a thread, in private memory; what it has of memory is part of what all extents may
// have.
#pragma once

#include <cstdint>
#include <cstring>

#include "ring/bell.hpp"
#include "ring/chunk_writer.hpp"
#include "ring/clock.hpp"
#include "ring/extent_parts.hpp"
#include "ring/extent_word.hpp"
#include "ring/index_pool.hpp"
#include "ring/segment_file.hpp"
#include "ring/segment_view.hpp"

namespace spanring::ring {

class OwnFile;

class Segment {
public:
    // Bytes of private, zeroed memory that open() needs for a segment of that many extents.
    static constexpr uint64_t pool_bytes(uint32_t extents) {
        return extents * sizeof(uint64_t) + kCounterLines * sizeof(uint32_t);
    }

    // COLD. 0 or -errno.
    int open(const SegmentRequest& request, Clock& clock, uint64_t* pool_memory);

    // In a child after fork(): covers the hole and forgets the parent's segment. pool_memory must be zeroed before the
    // next open().
    void abandon();

    // COLD. Gives the mapping back, and with it the lock: to the agent the segment is one of the dead. No thread may be
    // in a call, now or later.
    void close();

    // COLD. The same, but a call may be interrupted in its middle: there is scratch memory in its place, which close()
    // gives back. What the system refuses stays as it is.
    void cover();

    static constexpr uint64_t kNever = ~uint64_t{0};  // in ticks

    explicit operator bool() const { return static_cast<bool>(view_); }
    SegmentView view() const { return view_; }

    // Attaches a chunk with room for `bytes` to the writer, which has none. `first`: it is the thread's first, a small
    // one will do. `loss`: where the writer counts what is overwritten for it (flight recorder), and how many spans
    // that are: the caller counts them. `mean`: bytes of a record, by the writer's last chunk; 0: not known. False: the
    // ring is full.
    bool attach_chunk(ChunkWriter<>& writer, uint32_t bytes, bool first, uint32_t owner, Loss& loss, uint32_t mean = 0);

    // How many writers there are: the more, the smaller their chunks.
    void note_writer() { StdAtomics::fetch_add(writers_, uint32_t{1}, std::memory_order_relaxed); }  // a number
    void forget_writer() { StdAtomics::fetch_add(writers_, ~uint32_t{0}, std::memory_order_relaxed); }

    // An order over all chunks that fill up.
    uint64_t next_sequence() { return StdAtomics::fetch_add(sequence_, uint64_t{1}, std::memory_order_relaxed); }

    // Changes whenever a chunk may have become free: a writer that found none need not search again before.
    uint64_t freed_mark() const {
        // acquire, three times: with the count comes the FREE or the PARKED word, or what an extent became. Pairs with
        // the release in ChunkReader::release(), in note_parked() and in note_unused(). Without it a writer could note
        // the new count, search in vain, and not search again. The number of extents is loaded again by whoever
        // searches, and is never older then.
        return StdAtomics::load(view_.control().freed, std::memory_order_acquire) +
               StdAtomics::load(parked_, std::memory_order_acquire) +
               StdAtomics::load(unused_, std::memory_order_acquire) +
               StdAtomics::load(view_.writer().extents, std::memory_order_relaxed);
    }
    // When to search again though no count moved, in ticks: the last memory that was asked for was refused, and nobody
    // tells when there is room again. kNever: it was not.
    uint64_t search_again_at() const;
    bool is_past(uint64_t ticks) const { return ticks != kNever && clock_->ticks() >= ticks; }
    // Whether a chunk that fills up is room for others: then no count tells when to search again.
    bool overwrites() const { return overwrite_; }

    // Wakes the agent, where it sleeps and there will be something for it. One thread does, for each time that it lies
    // down. After what it is to find was counted, with an acquire. COLD, but for the look.
    void wake_agent() {
        // relaxed: the caller's count comes after the agent's (AttachedSegment::lie_down()), and so after its word, or
        // before it, and the agent finds it.
        const uint64_t policy = StdAtomics::load(view_.control().policy, std::memory_order_relaxed);
        if ((policy & PolicyBits::kAsleep) != 0) [[unlikely]]
            ring_bell(policy);
    }
    // Wakes one that looks seldom, because little comes, where with so many claims more has come than it thought;
    // kWaits: at once. COLD.
    void wake_agent_at(uint64_t claims);
    static constexpr uint64_t kWaits = ~uint64_t{0};

    // Gives back what was idle for a while, where it is time to look again. COLD, but for the look at the time.
    void look_after_memory() {
        // relaxed: whoever finds that it is time asks again.
        if (clock_->ticks() >= StdAtomics::load(look_after_, std::memory_order_relaxed)) [[unlikely]]
            look_now();
    }
    // COLD. A step of that, whatever the time and however little there is.
    void give_back_idle();
    // Another number with each look, for what threads keep: they give it back once in a while.
    uint32_t looks() const { return StdAtomics::load(looks_, std::memory_order_relaxed); }

    // release: PARKED before the count. Pairs with the acquire in freed_mark().
    void note_parked() { StdAtomics::fetch_add(parked_, uint64_t{1}, std::memory_order_release); }

    // kNone: none is left.
    static constexpr uint32_t kNone = IndexPool<>::kNone;
    // A slot that was never used begins at the segment's own generation.
    uint32_t take_slot() {
        const uint32_t slot = take_part(ExtentKind::kSlots);
        if (slot != kNone && first_generation_ != 0) begin_slot(slot);
        return slot;
    }
    // At most so many more, of the same extent: their places in it, a bit each.
    uint64_t take_slots_beside(uint32_t slot, uint32_t most) {
        const uint64_t places = parts_.take_some(slot / kSlotNumbers, ExtentKind::kSlots, most);
        for (uint64_t rest = places; rest != 0 && first_generation_ != 0; rest &= rest - 1)
            begin_slot(slot / kSlotNumbers * kSlotNumbers + static_cast<uint32_t>(__builtin_ctzll(rest)));
        return places;
    }
    // With the blocks that it has.
    void give_slot(uint32_t slot) {
        Slot& given = view_.slot(slot);
        uint64_t blocks[2];
        static_assert(sizeof blocks == sizeof given.blocks);
        memcpy(blocks, given.blocks, sizeof blocks);
        if ((blocks[0] | blocks[1]) != 0) [[unlikely]]
            give_blocks(given, 1);
        give_part(slot / kSlotNumbers, slot % kSlotNumbers);
    }
    uint32_t take_block(uint32_t block_class) { return take_part(kind_of_blocks(block_class)); }
    void give_block(uint32_t block, uint32_t block_class) {
        give_part(block / kBlockNumbers, block % kBlockNumbers / part_numbers(kind_of_blocks(block_class)));
    }
    // COLD. A huge place with room for so many bytes of the slot's data: it is the slot's until give_blocks(). kNone:
    // there is none, or no memory.
    uint32_t take_huge_block(Slot& slot, uint32_t bytes);
    // The blocks of a free slot, of that class and larger ones.
    [[gnu::noinline]] void give_blocks(Slot& slot, uint32_t block_class) {
        if (slot.blocks[kBlockClasses - 1] != 0) [[unlikely]]
            give_huge_blocks(slot);
        for (; block_class <= kBlockClasses; ++block_class) {
            uint32_t& block = slot.blocks[block_class - 1];
            if (block == 0) continue;
            const uint32_t number = block - 1;
            block = 0;  // first: what vanishes in between is given to nobody twice
            StdAtomics::keep_order();
            give_block(number, block_class);
        }
    }

    // COLD. Extents of which nobody uses anything, and that have no memory, leave it to huge places: at most so many.
    // False: there is none.
    [[gnu::cold]] bool lend_extents(uint32_t most);

    // COLD. Whether one span more may wait in its slot; it is counted as one that does. Not in those that are kept for
    // open spans, so that a slow backend does not stop starts, unless it is in a huge place; nor where the oldest give
    // way.
    bool may_wait(bool huge);
    // COLD. It does.
    void note_waiting() {
        // release: WAITING before the count. Pairs with the acquire in the agent's WaitingSlots. Without it the agent
        // could note the count, not find the slot, and not look for it again. acquire: as in attach_chunk().
        StdAtomics::fetch_add(view_.writer().waits, uint64_t{1}, std::memory_order_acq_rel);
        wake_agent();
        wake_agent_at(kWaits);
    }
    // COLD. Slots of spans that waited and that the agent has become free. False: there are none.
    bool take_done();

    // Whether there is such a slot, or chunk: any number may be asked for.
    bool has_slot(uint32_t slot) const {
        const uint32_t extent = slot / kSlotNumbers;
        return extent < extent_limit_ && slot % kSlotNumbers < kSlotsPerExtent && parts_.is(extent, ExtentKind::kSlots);
    }
    bool has_chunk(uint32_t chunk) const {
        const uint32_t extent = chunk / kChunksPerExtent;
        if (extent >= kFirstHuge) return is_huge_chunk(extent - kFirstHuge) && chunk % kChunksPerExtent == 0;
        if (extent >= extent_limit_) return false;
        const ExtentKind kind = parts_.kind(extent, true);
        return holds_chunks(kind) && chunk % kChunksPerExtent < parts_of(kind);
    }
    // COLD. Every slot there is. While those of an extent are visited it does not become one of something else, or what
    // another thread writes there could be taken for slots. Who vanishes meanwhile leaves it one of slots for good.
    template <class Visit>
    void each_slot(Visit&& visit) {
        const uint32_t count = extents();
        for (uint32_t extent = 0; extent < count; ++extent) {
            if (!parts_.hold(extent, ExtentKind::kSlots)) continue;
            for (uint32_t place = 0; place < kSlotsPerExtent; ++place) visit(extent * kSlotNumbers + place);
            if (parts_.let_go(extent)) became_unused(extent);
        }
    }

    // COLD. Every chunk there is: those of each extent that was counted before the call.
    template <class Visit>
    void each_chunk(Visit&& visit) const {
        const uint32_t count = extents();
        for (uint32_t extent = 0; extent < count; ++extent) {
            const ExtentKind kind = parts_.kind(extent, true);
            for (uint32_t place = 0; holds_chunks(kind) && place < parts_of(kind); ++place)
                visit(extent * kChunksPerExtent + place);
        }
        for (uint32_t place = kHugeBlocks; place < kHugePlaces; ++place)
            if (is_huge_chunk(place)) visit((kFirstHuge + place) * kChunksPerExtent);
    }

    // A counter line in populated memory, or nullptr: use WriterPage::shared_line, with read-modify-writes.
    CounterLine* counter_line(uint32_t line);
    uint32_t take_line() { return lines_.pop(kCounterLines); }
    void give_line(uint32_t line) { lines_.push(line); }

private:
    static constexpr uint64_t kLookPause = 10'000'000'000;  // nanoseconds between two looks at what is idle

    // Of memory_.
    static constexpr uint32_t kCountedShift = 32;
    static constexpr uint32_t kLentShift = 48;
    static_assert(kMaxExtents < 1u << (kLentShift - kCountedShift));
    static uint32_t all_counted(uint64_t memory) {
        return static_cast<uint32_t>(memory >> kCountedShift) & ((1u << (kLentShift - kCountedShift)) - 1);
    }
    // In extents.
    static uint32_t memory_of(uint64_t memory) {
        return all_counted(memory) - static_cast<uint32_t>(memory >> kLentShift) +
               extents_of_huge(static_cast<uint32_t>(memory));
    }

    uint32_t extents() const {
        // acquire: the words of the counted extents are there. Pairs with the release in take_extent(). Without it a
        // search could pass over an extent that is counted, and its caller not search again before something else is.
        return StdAtomics::load(view_.writer().extents, std::memory_order_acquire);
    }
    ExtentKind kind(uint32_t extent) const {
        return extent < kFirstHuge ? parts_.kind(extent) : kind_of_huge(extent - kFirstHuge);
    }
    // gnu::cold: for size, which is what counts there; a library of 32 bits is near its bound.
    bool take_extent(ExtentKind kind, uint32_t seen);
    [[gnu::cold]] bool leaves_shares(ExtentKind kind, uint32_t more, uint32_t memory, uint32_t taken, uint32_t huge,
                                     uint32_t& ret_unused) const;
    bool reserve_extent(uint32_t extent);
    bool try_to_populate(uint32_t extent);
    bool is_empty(uint32_t extent) const;
    [[gnu::cold]] bool has_free_chunks_alone(uint32_t extent, ExtentKind kind) const;
    [[gnu::cold]] bool lend_extent(uint32_t extent);
    [[gnu::cold]] void put_back(uint32_t extent, ExtentKind kind);
    bool any_lent() const {
        return StdAtomics::load(memory_, std::memory_order_relaxed) >> kLentShift != 0;
    }  // a number
    [[gnu::cold]] bool take_lent_back(uint32_t extent);
    [[gnu::cold]] bool take_any_back(ExtentKind kind);
    [[gnu::cold]] bool populate_again(uint32_t extent);
    [[gnu::cold]] bool restore_extent(ExtentKind kind);
    bool turn_extent(uint32_t extent, ExtentKind kind);
    bool take_back(uint32_t extent, ExtentWord& word);
    void close_extent(uint32_t extent);
    void became_unused(uint32_t extent);
    // Who searched in vain finds something now, be it memory alone: after it can be had. release: that it can, before
    // the count. Pairs with the acquire in freed_mark().
    void note_unused() { StdAtomics::fetch_add(unused_, uint64_t{1}, std::memory_order_release); }
    void make_slots(uint32_t extent);
    uint32_t take_part(ExtentKind kind);
    void begin_slot(uint32_t slot);
    void give_part(uint32_t extent, uint32_t place) {
        if (parts_.give(extent, place)) became_unused(extent);
    }
    void note_kind(ExtentKind kind) {
        if (kind == ExtentKind::kJumboChunks)
            StdAtomics::fetch_add(jumbo_extents_, uint32_t{1}, std::memory_order_relaxed);
    }
    uint32_t kept_slot_extents() const;
    uint32_t most_waiting();
    bool fits_badly(uint32_t bytes) const;
    ExtentKind usual_chunks(uint32_t bytes, bool first) const;
    bool search(ChunkWriter<>& writer, ExtentKind kind, ChunkState state, uint32_t owner);
    bool find_chunk(ChunkWriter<>& writer, uint32_t bytes, bool first, uint32_t owner, Loss& loss, uint32_t mean);
    bool adopt_parked(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner);
    [[gnu::cold]] bool overwrite_oldest(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner, Loss& loss);
    void ring_bell(uint64_t policy);
    uint64_t ticks_in(uint64_t nanoseconds) const;
    void look_now();
    [[gnu::cold]] bool give_some(const OwnFile& file);
    void begin_look();
    bool holds_unused(uint32_t extent) const;
    [[gnu::cold]] bool may_go(uint32_t extent, bool rested) const;
    [[gnu::cold]] bool give_chunks(uint32_t extent, ExtentKind kind);
    [[gnu::cold]] bool give_unused(uint32_t extent);
    bool remove(uint8_t* bytes, uint32_t size);
    bool may_hold(uint32_t place, uint32_t bytes) const;
    bool hold_huge(uint32_t place, uint32_t holder);
    uint32_t given_when(uint32_t place) const {
        return StdAtomics::load(given_when_[place], std::memory_order_relaxed);  // a number
    }
    void let_go_huge(uint32_t place) {
        // release: what the holder did to the place. Pairs with the acquire in hold_huge(), which says what breaks.
        StdAtomics::store(holders_[place], uint32_t{0}, std::memory_order_release);
    }
    bool is_huge(uint32_t place) const {
        // acquire: the place's word and line are there. Pairs with the release in begin_huge(). Without it a thread
        // could touch a page that is not there yet (SIGBUS on a full tmpfs).
        return (StdAtomics::load(view_.writer().huge, std::memory_order_acquire) >> place & 1) != 0;
    }
    // Of one that was never used: EMPTY. To whoever does not hold it, a guess.
    ExtentMemory memory_of_huge(uint32_t place) const {
        if (!is_huge(place)) return ExtentMemory::kEmpty;
        // relaxed: who makes it whole holds it.
        const uint64_t word = StdAtomics::load(view_.extent_word(kFirstHuge + place), std::memory_order_relaxed);
        return ExtentWord::unpack(word).memory;
    }
    bool is_huge_chunk(uint32_t place) const { return place >= kHugeBlocks && place < kHugePlaces && is_huge(place); }
    uint32_t huge_with_memory() const {
        return static_cast<uint32_t>(StdAtomics::load(memory_, std::memory_order_relaxed));  // numbers
    }
    uint32_t holder_of(const Slot& slot) const {
        return static_cast<uint32_t>((reinterpret_cast<const uint8_t*>(&slot) - view_.base()) / 64);
    }
    [[gnu::cold]] uint32_t lacking(uint64_t have, uint64_t wanted, bool shared) const;
    [[gnu::cold]] bool reserve_huge(uint32_t place, bool shared);
    [[gnu::cold]] uint32_t hold_outgrown(uint32_t place, bool idle);
    [[gnu::cold]] void keep_end(const Slot& slot);
    bool may_claim_huge(uint32_t place) const;
    bool share_huge(ChunkWriter<>& writer, uint32_t bytes, uint32_t mean, uint32_t owner);
    bool empty_huge();
    [[gnu::cold]] bool empty_idle_for(uint32_t place);
    [[gnu::cold]] bool empty_idle(uint32_t places);
    [[gnu::cold]] bool empty_held(uint32_t place);
    void unreserve_huge(uint32_t place);
    // Of one that could not be made whole.
    bool is_short_of_memory(uint32_t place) const { return (huge_with_memory() >> place & 1) == 0; }
    bool is_kept_for_end(uint32_t place) const;
    [[gnu::cold]] bool forget_gone();
    [[gnu::cold]] bool fill_huge(uint32_t place);
    [[gnu::cold]] bool begin_huge(uint32_t place);
    [[gnu::cold]] bool make_huge_whole(uint32_t place);
    [[gnu::cold]] void give_huge_blocks(Slot& slot);
    bool claim_huge(ChunkWriter<>& writer, uint32_t place, uint32_t bytes, uint32_t owner);
    bool find_huge_chunk(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner, Loss& loss);
    [[gnu::cold]] bool claim_any_huge(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner, uint32_t& ret_short);
    [[gnu::cold]] bool overwrite_huge(ChunkWriter<>& writer, uint32_t bytes, uint32_t owner, Loss& loss);
    [[gnu::cold]] bool has_idle_chunk(uint32_t extent, ExtentKind kind) const;

    SegmentView view_;
    uint64_t size_ = 0;
    uint32_t extent_limit_ = 0;
    uint32_t populated_ = 0;  // extents that were at birth
    bool overwrite_ = false;
    bool restores_ = false;  // memory may go, and come again
    uint32_t first_generation_ = 0;
    Clock* clock_ = nullptr;
    Bell bell_;
    ExtentParts<> parts_;
    IndexPool<> lines_;
    uint32_t hints_[kExtentKinds] = {};  // the extent where a part of a kind was found last; any value is right
    uint32_t writers_ = 0;
    uint32_t jumbo_extents_ = 0;  // about: a thread that vanishes may have taken one more
    uint32_t waiting_ = 0;        // spans that wait in their slots, or are done; likewise
    uint32_t most_waiting_ = 0;   // how many may, where there were so many extents and turns
    alignas(8) uint64_t most_waiting_at_ = 0;
    alignas(8) uint64_t done_ = 0;  // Control::done as somebody found it who then looked at all slots
    alignas(8) uint64_t sequence_ = 1;
    alignas(8) uint64_t parked_ = 0;      // ever parked
    alignas(8) uint64_t adopted_ = 0;     // ever adopted; while both are equal nothing is parked
    alignas(8) uint64_t unused_ = 0;      // how often extents of slots or blocks, or huge places, became unused, or
                                          // memory free
    alignas(8) uint64_t grow_after_ = 0;  // ticks: a refused growth is not tried again before; 0: the last was not
                                          // refused
    alignas(8) uint64_t huge_after_ = 0;  // the same of huge places
    alignas(8) uint64_t look_after_ = 0;  // ticks: memory is not looked after again before; or kNever

    // Of who looks after memory, one thread at a time.
    uint32_t looker_ = 0;        // 1: there is one
    uint32_t looks_ = 0;         // ever begun
    uint32_t extents_left_ = 0;  // of this look, from there down; 0: the next one begins
    uint64_t freed_ = 0;         // Control::freed at the last look

    // What has memory, or may have: bits 0-31 the huge places, one each; 32-47 how many extents, from the first one on;
    // 48-63 of how many of these huge places may have it. One word, so that together they never have more than the
    // segment may.
    alignas(8) uint64_t memory_ = 0;
    uint32_t holders_[kHugePlaces] = {};                // 0: nobody; a slot, by holder_of(); kPassing
    uint32_t given_when_[kHugeBlocks] = {};             // looks() when it was given
    static constexpr uint32_t kPassing = ~uint32_t{0};  // held by a thread for a moment
};

}  // namespace spanring::ring
