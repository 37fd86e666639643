// SPDX-License-Identifier: Apache-2.0
//
// The counters of a process, summed over its lines. Exact when the process is quiet or dead and recovered; otherwise
// each counter is some value that it had, and ended is read before started so that ended <= started.
#pragma once

#include <array>
#include <cstdint>

#include "ring/atomics.hpp"
#include "ring/segment_view.hpp"

namespace spanring::ring {

using CounterSums = std::array<uint64_t, static_cast<size_t>(Counter::kCount)>;

template <class Atomics = StdAtomics>
CounterSums sum_counters(SegmentView segment) {
    // acquire: the pages of the counted lines are populated. Pairs with the release in Segment::counter_line(). Without
    // it a page could be touched that is not there yet.
    const uint32_t counted = Atomics::load(segment.writer().counter_lines, std::memory_order_acquire);
    const uint32_t lines = counted < kCounterLines ? counted : kCounterLines;
    CounterSums sums{};
    for (size_t reverse = sums.size(); reverse-- > 0;) {
        // started last. acquire: keeps the order of the rounds. It has no partner among the writers, whose stores are
        // relaxed: that ended <= started is certain where stores keep their order (x86), and usual elsewhere. Without
        // it the compiler could turn the rounds around.
        for (uint32_t line = 0; line < lines; ++line) {
            sums[reverse] += Atomics::load(segment.counter_line(line).values[reverse], std::memory_order_acquire);
        }
        sums[reverse] += Atomics::load(segment.writer().shared_line[reverse], std::memory_order_acquire);
    }
    return sums;
}

}  // namespace spanring::ring
