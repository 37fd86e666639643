// SPDX-License-Identifier: Apache-2.0
#include "drain/burial.hpp"

#include "base/wall_clock.hpp"
#include "ring/atomics.hpp"
#include "segment/segment_lock.hpp"

namespace spanring::agent {

void Burial::check(int file) {
    if (dead_ || process_liveness(file) != Liveness::kDead) return;
    dead_ = true;
    died_unix_nano_ = unix_nano();
}

ring::RecoveryFault Burial::recover(ring::SegmentView segment, const ring::ExtentMap& extents) {
    // acquire: the lines below are populated. Pairs with the release in Segment::counter_line(); the process is dead,
    // and this is its last word.
    const uint32_t lines = ring::StdAtomics::load(segment.writer().counter_lines, std::memory_order_acquire);
    ring::Recovery<> recovery(segment, extents, lines);
    const ring::RecoveryFault fault = recovery.run(open_slots_);
    recovered_ = fault == ring::RecoveryFault::kNone;
    return fault;
}

}  // namespace spanring::agent
