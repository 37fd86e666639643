// SPDX-License-Identifier: Apache-2.0
//
// What the process itself gives back of its memory, at a cold step of one of its threads: a claim, a thread's begin or
// end, a flush. Every ten seconds there is a look at all extents, from the last one down, a few at each step.
//
// What is idle goes where no agent serves the segment: with the agent's lock (OwnFile), in the steps of an agent
// (ExtentGiver), so that an agent finishes what the process did not come to. Each chunk was FREE for as long as
// Control::freed stood still, which moves whenever one becomes FREE; slots and blocks were closed two looks ago. Which
// of these its threads keep for their next spans, they give back at their next chunk (LevelWriter::next_chunk()), also
// where an agent runs.
#include "ring/extent_giver.hpp"
#include "ring/own_file.hpp"
#include "ring/segment.hpp"
#include "ring/testpoint.hpp"

namespace spanring::ring {
namespace {

// Of tmpfs, all in all: a small process is left alone, as by an agent.
constexpr uint64_t kMayKeep = uint64_t{1} << 20;

// An extent or two of each kind and all that is not in extents are less than that.
constexpr uint32_t kFewExtents = 12;

// Each is a system call that unmaps a piece of the process, some 20 us.
constexpr uint32_t kGivesAtAStep = 32;

}  // namespace

[[gnu::noinline]] void Segment::look_now() {
    take_done();
    // relaxed: it says nothing but when.
    if (extents() > kFewExtents || huge_with_memory() != 0)
        give_back_idle();
    else
        StdAtomics::store(look_after_, clock_->ticks() + ticks_in(kLookPause), std::memory_order_relaxed);
}

void Segment::give_back_idle() {
    if (StdAtomics::load(look_after_, std::memory_order_relaxed) == kNever) return;  // relaxed: as above and below
    const OwnFile file(bell_.path());  // first: no handler comes between here and the end
    uint32_t nobody = 0;
    // acquire: what the last one noted. Pairs with the release below. Without it an extent could be looked at twice in
    // one look, or not at all.
    if (!StdAtomics::compare_exchange(looker_, nobody, uint32_t{1}, std::memory_order_acquire)) return;
    const bool more = file && give_some(file);
    if (!more) {
        extents_left_ = 0;
        StdAtomics::store(look_after_, clock_->ticks() + ticks_in(kLookPause), std::memory_order_relaxed);
    }
    StdAtomics::store(looker_, uint32_t{0}, std::memory_order_release);
}

void Segment::begin_look() {
    extents_left_ = kFirstHuge + kHugePlaces;
    // relaxed: a number, and hints. From now on open spans begin in the first extents again, which go last.
    StdAtomics::store(looks_, looks_ + 1, std::memory_order_relaxed);
    for (uint32_t kind = 0; kind < kExtentKinds; ++kind)
        if (!holds_chunks(static_cast<ExtentKind>(kind)))
            StdAtomics::store(hints_[kind], uint32_t{0}, std::memory_order_relaxed);
}

// True: the look is not at its end.
bool Segment::give_some(const OwnFile& file) {
    // relaxed, both: numbers, and a switch. What an agent quarantined is left as it is found.
    if ((StdAtomics::load(view_.control().policy, std::memory_order_relaxed) & PolicyBits::kRetired) != 0) return false;
    const uint64_t freed = StdAtomics::load(view_.control().freed, std::memory_order_relaxed);
    const bool rested = freed == freed_;
    freed_ = freed;
    if (extents_left_ == 0) begin_look();
    if (!file.lock_as_agent()) return false;
    bool more = extents_left_ != 0;
    for (uint32_t given = 0; given < kGivesAtAStep && more;) {
        const uint32_t extent = extents_left_ - 1;
        if (may_go(extent, rested)) {
            if (file.memory() <= kMayKeep) return false;
            given += holds_unused(extent) ? give_unused(extent) : give_chunks(extent, kind(extent));
        }
        if (--extents_left_ == kFirstHuge) extents_left_ = extents();
        more = extents_left_ != 0;
    }
    freed_ = StdAtomics::load(view_.control().freed, std::memory_order_relaxed);  // which the giver counts in, too
    return more;
}

// Whether its memory goes as that of slots and blocks does.
bool Segment::holds_unused(uint32_t extent) const {
    return extent < kFirstHuge ? parts_.is_closed(extent) : extent < kFirstHuge + kHugeBlocks;
}

// `rested`: what is FREE was that at the last look.
bool Segment::may_go(uint32_t extent, bool rested) const {
    if (extent >= kFirstHuge && !is_huge(extent - kFirstHuge)) return false;
    if (!holds_unused(extent)) {
        const ExtentKind kind = this->kind(extent);
        return rested && holds_chunks(kind) && has_idle_chunk(extent, kind);
    }
    const uint64_t word = StdAtomics::load(view_.extent_word(extent), std::memory_order_relaxed);  // the taking decides
    const ExtentMemory memory = ExtentWord::unpack(word).memory;
    if (memory == ExtentMemory::kGiving) return true;  // by an agent that was killed
    // Not what was closed since the last look: a call on a span that has ended may be looking at its slot.
    const uint32_t when = extent < kFirstHuge ? parts_.closed_when(extent) : given_when(extent - kFirstHuge);
    return memory == ExtentMemory::kUnused && looks_ - when >= 2;
}

// One that is FREE, and has memory.
bool Segment::has_idle_chunk(uint32_t extent, ExtentKind kind) const {
    const uint64_t word = StdAtomics::load(view_.extent_word(extent), std::memory_order_relaxed);  // the taking decides
    const ExtentMemory memory = ExtentWord::unpack(word).memory;
    if (memory == ExtentMemory::kGiving) return true;  // by an agent that was killed
    for (uint32_t place = 0; place < parts_of(kind); ++place) {
        const uint32_t chunk = extent * kChunksPerExtent + place;
        const uint64_t seen = StdAtomics::load(view_.chunk_line(chunk).word, std::memory_order_relaxed);
        if (ChunkWord::unpack(seen).state != ChunkState::kFree) continue;
        if (memory == ExtentMemory::kWhole) return true;
        if (extent < kFirstHuge && is_in_memory(view_.chunk_bytes(chunk, part_size(kind)), part_size(kind)))
            return true;
    }
    return false;
}

// With the agent's lock. By the mapping, not the file: in a child that is forked off meanwhile it is not the parent's.
bool Segment::give_chunks(uint32_t extent, ExtentKind kind) {
    ExtentGiver<> giver(view_);
    uint32_t places = giver.take(extent, kind, [](uint32_t, ChunkWord) {});
    if (places == 0) return false;
    bool gone = false;
    while (places != 0) {
        const auto first = static_cast<uint32_t>(__builtin_ctz(places));
        const auto count = static_cast<uint32_t>(__builtin_ctz(~(places >> first)));
        const uint32_t size = part_size(extent, kind);
        gone = remove(view_.chunk_bytes(extent * kChunksPerExtent + first, size), count * size) || gone;
        places &= ~(((uint32_t{1} << count) - 1) << first);
    }
    SPR_TESTPOINT(own_chunks_punched);
    giver.finish(extent, kind, gone);
    return true;
}

// The same, of slots or blocks.
bool Segment::give_unused(uint32_t extent) {
    ExtentGiver<> giver(view_);
    // relaxed: the taking decides.
    const uint64_t word = StdAtomics::load(view_.extent_word(extent), std::memory_order_relaxed);
    if (!giver.take_unused(extent, ExtentWord::unpack(word))) return false;
    remove(view_.extent(extent), size_of(extent));
    SPR_TESTPOINT(own_extent_punched);
    giver.finish_unused(extent);
    return true;
}

// False: the system refused, and it stays.
bool Segment::remove(uint8_t* bytes, uint32_t size) {
    if (!punch(bytes, size)) return false;
    StdAtomics::fetch_add(view_.writer().given_back, uint64_t{size}, std::memory_order_relaxed);  // a number
    return true;
}

}  // namespace spanring::ring
