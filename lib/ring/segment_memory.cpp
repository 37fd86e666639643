// SPDX-License-Identifier: Apache-2.0
//
// What the process itself gives back of its memory, at a cold step of one of its threads: a claim, a thread's begin or
// end, a flush. Every ten seconds there is a look at all extents, from the last one down, a few at each step.
//
// FREE chunks go where no agent serves the segment: with the agent's lock (OwnFile), in the steps of an agent
// (ExtentGiver), so that an agent finishes what the process did not come to. Each was FREE for as long as
// Control::freed stood still, which moves whenever one becomes FREE.
#include <sys/mman.h>

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

bool is_in_memory(uint8_t* bytes, uint32_t size) {
    unsigned char pages[kExtentSize / kPage];
    if (mincore(bytes, size, pages) != 0) return false;
    for (uint32_t page = 0; page < size / kPage; ++page)
        if ((pages[page] & 1) != 0) return true;
    return false;
}

}  // namespace

[[gnu::noinline]] void Segment::give_back_idle() {
    // relaxed, here and below: it says nothing but when.
    if (StdAtomics::load(look_after_, std::memory_order_relaxed) == kNever) return;
    bool more = false;
    if (extents() > kFewExtents) {
        const OwnFile file(bell_.path());  // first: no handler comes between here and the end
        uint32_t nobody = 0;
        // acquire: what the last one noted. Pairs with the release below. Without it an extent could be looked at
        // twice in one look, or not at all.
        if (!StdAtomics::compare_exchange(looks_, nobody, uint32_t{1}, std::memory_order_acquire)) return;
        more = file && give_some(file);
        if (!more) extents_left_ = 0;
        StdAtomics::store(looks_, uint32_t{0}, std::memory_order_release);
    }
    if (!more) StdAtomics::store(look_after_, clock_->ticks() + ticks_in(kLookPause), std::memory_order_relaxed);
}

// True: the look is not at its end.
bool Segment::give_some(const OwnFile& file) {
    // relaxed, both: numbers, and a switch. What an agent quarantined is left as it is found.
    if ((StdAtomics::load(view_.control().policy, std::memory_order_relaxed) & PolicyBits::kRetired) != 0) return false;
    const uint64_t freed = StdAtomics::load(view_.control().freed, std::memory_order_relaxed);
    const bool rested = freed == freed_;
    freed_ = freed;
    if (!rested) return false;
    if (extents_left_ == 0) extents_left_ = extents();
    if (!file.lock_as_agent()) return false;
    bool more = true;
    for (uint32_t given = 0; given < kGivesAtAStep && more;) {
        const uint32_t extent = extents_left_ - 1;
        const ExtentKind kind = this->kind(extent);
        if (holds_chunks(kind) && has_idle_chunk(extent, kind)) {
            if (file.memory() <= kMayKeep) return false;
            given += give_chunks(extent, kind);
        }
        more = --extents_left_ != 0;
    }
    freed_ = StdAtomics::load(view_.control().freed, std::memory_order_relaxed);  // which the giver counts in, too
    return more;
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
        if (memory == ExtentMemory::kWhole || is_in_memory(view_.chunk_bytes(chunk, part_size(kind)), part_size(kind)))
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
        uint8_t* const bytes = view_.chunk_bytes(extent * kChunksPerExtent + first, part_size(kind));
        gone = madvise(bytes, uint64_t{count} * part_size(kind), MADV_REMOVE) == 0 || gone;
        places &= ~(((uint32_t{1} << count) - 1) << first);
    }
    SPR_TESTPOINT(own_chunks_punched);
    giver.finish(extent, kind, gone);
    return true;
}

}  // namespace spanring::ring
