// SPDX-License-Identifier: Apache-2.0
//
// Spans of a segment that have ended and wait in their slots, since no chunk had room for them: which there are, and
// which of these are handed out and not acknowledged. The process says when to look; a look goes over all slots. Drain
// thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ring/extent_map.hpp"
#include "ring/segment_view.hpp"

namespace spanring::agent {

class WaitingSlots {
public:
    // Whether there may be some that no look has found. Before that look.
    bool may_have_come(ring::SegmentView segment);
    void look_again() { look_again_ = true; }
    // Whether that, of WriterPage::waits, is more than is known.
    bool is_news(uint64_t waits) const { return look_again_ || waits != waits_; }

    void look(ring::SegmentView segment, const ring::ExtentMap& extents);

    // What was found, one after another.
    bool has_next() const { return next_ < found_.size(); }
    uint32_t take_next() { return found_[next_++]; }
    // Of one that was taken: it is free, or waits no more.
    void forget(uint32_t slot);

    uint32_t count() const { return count_; }  // that wait, as far as is known
    bool knows(uint32_t slot) const { return slot < known_.size() && known_[slot]; }

private:
    uint64_t waits_ = 0;  // WriterPage::waits as the last look found it
    bool look_again_ = true;
    std::vector<uint32_t> found_;
    size_t next_ = 0;
    std::vector<bool> known_;  // of each slot: it was found and not forgotten
    uint32_t count_ = 0;       // of these
};

}  // namespace spanring::agent
