// SPDX-License-Identifier: Apache-2.0
//
// Runs without the spans of traces that were decided against.
//
// Header bill: request_reader.hpp, whose spans it changes; the receiver includes it.
#pragma once

#include <cstddef>
#include <vector>

#include "batch/batch.hpp"
#include "decide/chance.hpp"
#include "decide/trace_table.hpp"
#include "receive/request_reader.hpp"

namespace spanring::agent {

// Puts it to the runs from `first` on: joined with the last one, where it follows.
void append_run(std::vector<Run>& runs, size_t first, const Run& run);

// What was decided of a trace.
struct TraceFate {
    uint64_t dropped_by = 0;  // a rule; 0: it is kept
    bool late = false;        // its spans came after the decision
    Chance chance{};          // that its spans are to tell of
};

// Each part has its runs in their order, before and after. Of every trace there is a decision. Spans are counted in
// their parts, there by rule as well, and in all. Those that are kept by chance say so: they are in memory of the
// request's own.
void leave_out_dropped(ReceivedSpans& spans, TraceTable<TraceFate>& fates);

}  // namespace spanring::agent
