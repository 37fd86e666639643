// SPDX-License-Identifier: Apache-2.0
//
// What is known of a trace that is not decided: what policies need, gathered span by span, so that no span is read
// again for the decision.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace spanring::agent {

// A bit for each policy, by its place.
using PolicyMarks = uint64_t;

struct TraceState {
    PolicyMarks marks = 0;  // of policies with which one of its spans agreed
    uint64_t start_unix_nano = std::numeric_limits<uint64_t>::max();
    uint64_t end_unix_nano = 0;
    uint32_t spans = 0;

    void add(uint64_t start, uint64_t end) {
        start_unix_nano = std::min(start_unix_nano, start);
        end_unix_nano = std::max(end_unix_nano, end);
        ++spans;
    }
    void add(const TraceState& more) {
        marks |= more.marks;
        start_unix_nano = std::min(start_unix_nano, more.start_unix_nano);
        end_unix_nano = std::max(end_unix_nano, more.end_unix_nano);
        spans += more.spans;
    }
    // From its first start to its last end.
    uint64_t nanoseconds() const { return end_unix_nano > start_unix_nano ? end_unix_nano - start_unix_nano : 0; }
};

}  // namespace spanring::agent
