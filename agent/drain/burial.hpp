// SPDX-License-Identifier: Apache-2.0
//
// The end of a segment whose process died: it is recovered once, what is committed is handed out, then the spans that
// were open, and then there is nothing more in it. Death is seen before the words that are final because of it. Drain
// thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ring/recovery.hpp"
#include "ring/segment_view.hpp"

namespace spanring::agent {

class Burial {
public:
    // Asks the kernel, whose lock the process holds on this file.
    void check(int file);

    bool dead() const { return dead_; }
    uint64_t died_unix_nano() const { return died_unix_nano_; }  // as it was seen

    // Settles what the process's threads had half done, and lists the spans that they left open.
    ring::RecoveryFault recover(ring::SegmentView segment, const ring::ExtentMap& extents);
    bool recovered() const { return recovered_; }

    void all_committed_handed_out() { exhausted_ = true; }

    // The slots of open spans, one after another, once everything committed is handed out.
    bool has_open_slot() const { return exhausted_ && next_ < open_slots_.size(); }
    uint32_t open_slot() const { return open_slots_[next_]; }
    void open_slot_handed_out() { ++next_; }

    bool complete() const { return exhausted_ && next_ == open_slots_.size(); }

private:
    bool dead_ = false;
    bool recovered_ = false;
    bool exhausted_ = false;  // every committed byte is handed out
    uint64_t died_unix_nano_ = 0;
    std::vector<uint32_t> open_slots_;  // of unfinished spans
    size_t next_ = 0;
};

}  // namespace spanring::agent
