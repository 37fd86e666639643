// SPDX-License-Identifier: Apache-2.0
#include "drain/flush_request.hpp"

#include "ring/atomics.hpp"
#include "ring/testpoint.hpp"

namespace spanring::agent {

FlushRequest::FlushRequest(ring::SegmentView segment)
    : segment_(segment),
      // relaxed: only agents write it, one after the other.
      served_(ring::StdAtomics::load(segment.control().flushed, std::memory_order_relaxed)) {}

void FlushRequest::look() {
    if (state_ != State::kNone) return;
    // acquire: every span that ended before the request is committed. Pairs with the release in the writer's flush.
    // Without it the ticket could be served before those spans are seen.
    const uint64_t wanted = ring::StdAtomics::load(segment_.writer().flush_wanted, std::memory_order_acquire);
    if (wanted <= served_) return;
    ticket_ = wanted;
    state_ = State::kSeen;
}

void FlushRequest::pass_completed() {
    if (state_ == State::kSeen) state_ = State::kDrained;
}

void FlushRequest::submitted(uint64_t last_serial) {
    if (state_ != State::kDrained) return;
    barrier_ = last_serial;
    state_ = State::kSubmitted;
}

void FlushRequest::serve(const std::set<uint64_t>& open) {
    if (state_ != State::kSubmitted || (!open.empty() && *open.begin() <= barrier_)) return;
    served_ = ticket_;
    state_ = State::kNone;
    // release: the totals before it. Pairs with the acquire in the writer's flush, which may look at them next.
    ring::StdAtomics::store(segment_.control().flushed, served_, std::memory_order_release);
    SPR_TESTPOINT(flush_served);
}

}  // namespace spanring::agent
