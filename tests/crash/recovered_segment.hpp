// SPDX-License-Identifier: Apache-2.0
//
// What an agent would make of a segment whose process died at this moment: a copy of it, recovered, and counted.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "ring/counter_sums.hpp"
#include "ring/layout.hpp"

namespace spanring::test {

struct RecoveredSegment {
    std::string fault;                // empty: sound
    std::multiset<std::string> complete;    // names of committed spans
    std::multiset<std::string> unfinished;  // names of those that were open
    uint64_t word_spans = 0;          // committed spans by the chunks' words
    ring::CounterSums counters{};

    uint64_t count(ring::Counter counter) const { return counters[static_cast<size_t>(counter)]; }
    uint64_t dropped() const {
        using ring::Counter;
        return count(Counter::kDroppedFull) + count(Counter::kDroppedTooBig) + count(Counter::kDroppedNested);
    }
};

// `image`: the bytes of a segment file, which the recovery changes. Twice over gives the same (every step may be repeated).
RecoveredSegment recover(std::vector<uint8_t>& image);

// The only segment of a directory: its bytes. False: there is none, or it is not a segment that an agent would attach
// (ret_fault says why).
bool read_segment(const std::string& directory, std::vector<uint8_t>& ret_image, std::string& ret_fault);

}  // namespace spanring::test
