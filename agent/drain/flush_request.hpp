// SPDX-License-Identifier: Apache-2.0
//
// A flush that a process asks for through its segment: seen, drained (a complete pass was made since), submitted,
// served. One at a time: what is asked for meanwhile is seen when it is served. Drain thread only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>

#include "ring/segment_view.hpp"

namespace spanring::agent {

class FlushRequest {
public:
    explicit FlushRequest(ring::SegmentView segment);

    // Before a pass over the chunks, and after it, if that came to its end.
    void look();
    void pass_completed();

    // The batches in the making are to be submitted; `last_serial` is that of the last one.
    bool wants_submit() const { return state_ == State::kDrained; }
    void submitted(uint64_t last_serial);
    // Something of it is in that batch, which came later.
    void waits_for(uint64_t serial) { barrier_ = std::max(barrier_, serial); }

    // Answers the process once none of the batches up to that one is `open`, serials of those with something of it.
    void serve(const std::set<uint64_t>& open);

    // Whether it asks for more than what is known. `wanted`: WriterPage::flush_wanted.
    bool is_news(uint64_t wanted) const { return state_ == State::kNone && wanted > served_; }

    bool pending() const { return state_ != State::kNone; }

private:
    enum class State { kNone, kSeen, kDrained, kSubmitted };

    ring::SegmentView segment_;
    State state_ = State::kNone;
    uint64_t ticket_ = 0;
    uint64_t served_ = 0;
    uint64_t barrier_ = 0;  // serial of the last batch that holds what was to be flushed
};

}  // namespace spanring::agent
