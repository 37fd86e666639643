// SPDX-License-Identifier: Apache-2.0
//
// The part of an attached segment that lets the agent sleep over it, or doze: until its process rings.
#include <algorithm>
#include <cstdint>
#include <utility>

#include "drain/attached_segment.hpp"
#include "drain/policy_word.hpp"
#include "ring/testpoint.hpp"

namespace spanring::agent {

namespace {

// A second lies between looks at a process over which the agent sleeps. The first ones are passes, in which all its
// idle memory goes back, later one in so many is.
constexpr uint32_t kPassesAsleep = 12;
constexpr uint32_t kLooksForAPass = 16;

// Of a process over which the agent dozes an eighth of the memory, in extents, may come before it rings; one that has
// less than these would ring for what is no burst.
constexpr uint32_t kPartToBell = 8;
constexpr uint64_t kLeastClaims = 8;

}  // namespace

bool AttachedSegment::lie_down() {
    if (!quarantined_.empty() || dead() || !rings() || left_ != 0 || has_to_settle()) return false;
    PolicyWord policy(view());
    policy.show_sleep();
    // Exchanges of nothing rather than loads: of two read-modify-writes of a word one comes first. Where that is the
    // process's, it is found here. Where it is this one, the process, which looks at the sign after its own, sees it.
    // release: the sign before. Pairs with the acquires in Segment::attach_chunk(), Segment::note_waiting() and
    // spr_provider_flush(). acquire: as in claimed_since(), FlushRequest::look() and WaitingSlots::may_have_come().
    // With loads both could miss what the other one has just said.
    constexpr uint64_t kNothing = 0;
    ring::WriterPage& page = view().writer();
    const uint64_t claims = ring::StdAtomics::fetch_add(page.claims, kNothing, std::memory_order_acq_rel);
    const uint64_t flushes = ring::StdAtomics::fetch_add(page.flush_wanted, kNothing, std::memory_order_acq_rel);
    const uint64_t waits = ring::StdAtomics::fetch_add(page.waits, kNothing, std::memory_order_acq_rel);
    asleep_ = still_readable() && claims == claims_ && !flush_.is_news(flushes) && !waiting_slots_.is_news(waits) &&
              !waiting_slots_.has_next();
    SPR_TESTPOINT(lain_down);
    if (!asleep_ && quarantined_.empty()) policy.take_back_sleep();
    sleep_looks_ = 0;
    return asleep_;
}

// Whatever is started, claimed, waits, or asks for a flush meanwhile takes the sign back. What does not is a span that
// was open before: its end moves the word of a chunk in use. An open span that was discarded the next pass finds.
bool AttachedSegment::sleeps_on() {
    if (!asleep_ || dead() || !quarantined_.empty() || gives_) return false;
    const uint32_t look = ++sleep_looks_;
    return look > kPassesAsleep && look % kLooksForAPass != 0 && !has_rung() && cursors_.rest_in_use(view()) &&
           !held_.mapping->faulted();
}

bool AttachedSegment::has_rung() const { return quarantined_.empty() && !PolicyWord(view()).shows_sleep(); }

bool AttachedSegment::get_up() {
    asleep_ = false;
    return quarantined_.empty() && !PolicyWord(view()).take_back_sleep();
}

bool AttachedSegment::asks_for_flush() const {
    // relaxed: a hint. FlushRequest::look() acquires what it publishes.
    return quarantined_.empty() &&
           flush_.is_news(ring::StdAtomics::load(view().writer().flush_wanted, std::memory_order_relaxed));
}

bool AttachedSegment::may_doze() const {
    return (held_.header.compatible & ring::kRingsAtMark) != 0 &&
           held_.header.extent_limit / kPartToBell >= kLeastClaims;
}

// Whether in fewer bytes than `least` is nothing that waits for an answer.
bool AttachedSegment::has_less_than(uint64_t least) {
    const uint64_t taken = uint64_t{held_.extents.count()} * ring::kExtentSize + held_.extents.huge_bytes();
    uint64_t room = most_bytes() - std::min(most_bytes(), taken);
    if (room >= least) return false;  // without a look at each of its chunks
    held_.extents.each_chunk([&](uint32_t chunk) {
        const bool in_use = cursors_.has_cursor(chunk) && cursors_[chunk].seen.length > cursors_[chunk].low.mark();
        room += in_use ? 0 : held_.extents.chunk_capacity(chunk);
    });
    return room < least;
}

// Claims of chunks as large as those that it has, as far as they were seen. Should larger ones follow, at most four
// times as much comes.
uint64_t AttachedSegment::claims_to_bell() const {
    return held_.header.extent_limit / kPartToBell * (ring::kExtentSize / largest_chunk_);
}

bool AttachedSegment::doze() {
    if (!quarantined_.empty()) return true;
    dozes_ = true;
    // relaxed: a claim that misses it is followed by others, and by a look.
    ring::StdAtomics::store(view().control().bell_mark, claims_ + claims_to_bell(), std::memory_order_relaxed);
    // A flush that misses it is followed by nothing. As in lie_down(): who asks after this finds the mark, and rings.
    // release: the mark before. Pairs with the acquire in spr_provider_flush(). acquire: as in FlushRequest::look().
    constexpr uint64_t kNothing = 0;
    return !flush_.is_news(
        ring::StdAtomics::fetch_add(view().writer().flush_wanted, kNothing, std::memory_order_acq_rel));
}

bool AttachedSegment::end_doze() {
    if (!std::exchange(dozes_, false) || !quarantined_.empty()) return false;
    uint64_t& mark = view().control().bell_mark;
    // relaxed, both: where it is rung in between, it was found to be time anyway.
    if (ring::StdAtomics::load(mark, std::memory_order_relaxed) == 0) return true;
    ring::StdAtomics::store(mark, uint64_t{0}, std::memory_order_relaxed);
    return false;
}

}  // namespace spanring::agent
