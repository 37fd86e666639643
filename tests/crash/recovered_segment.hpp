// SPDX-License-Identifier: Apache-2.0
//
// What an agent would make of a segment whose process died at this moment: a copy of it, recovered, and counted.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "ring/chunk_word.hpp"
#include "ring/counter_sums.hpp"
#include "ring/layout.hpp"

namespace spanring::test {

struct RecoveredSegment {
    std::string fault;                      // empty: sound
    std::multiset<std::string> complete;    // names of committed spans
    std::multiset<std::string> unfinished;  // names of those that were open
    uint64_t pending = 0;                   // committed spans by the chunks' words that are not behind their marks
    uint64_t acknowledged = 0;              // by the agent's totals
    uint32_t grown = 0;                     // open spans whose data is in a block
    ring::CounterSums counters{};

    uint64_t count(ring::Counter counter) const { return counters[static_cast<size_t>(counter)]; }
    // What must be equal to kEnded: committed and dropped.
    uint64_t ends() const { return acknowledged + pending + count(ring::Counter::kDroppedOverwritten) + dropped(); }
    uint64_t dropped() const {
        using ring::Counter;
        return count(Counter::kDroppedFull) + count(Counter::kDroppedTooBig) + count(Counter::kDroppedNested);
    }
};

// How many chunks of the first extent are in this state.
uint32_t chunks_in(const std::vector<uint8_t>& image, ring::ChunkState state);

// `image`: the bytes of a segment file, which the recovery changes. Twice over gives the same (every step may be
// repeated).
RecoveredSegment recover(std::vector<uint8_t>& image);

// The only segment of a directory: its bytes. False: there is none, or it is not a segment that an agent would attach
// (ret_fault says why).
bool read_segment(const std::string& directory, std::vector<uint8_t>& ret_image, std::string& ret_fault);

}  // namespace spanring::test
