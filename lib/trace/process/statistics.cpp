// SPDX-License-Identifier: Apache-2.0
#include "trace/process/statistics.hpp"

namespace spanring::trace {

using ring::Counter;
using ring::StdAtomics;

namespace {

uint64_t total(ring::SegmentView segment, Counter counter) {
    const uint32_t index = static_cast<uint32_t>(counter);
    const ring::WriterPage& page = segment.writer();
    uint64_t sum = StdAtomics::load(page.shared_line[index], std::memory_order_relaxed);
    // acquire: the lines are populated. Pairs with the release in Segment::counter_line(). Without it a page could be
    // touched that is not there yet.
    const uint32_t lines = StdAtomics::load(page.counter_lines, std::memory_order_acquire);
    for (uint32_t line = 0; line < lines; ++line)
        sum +=
            StdAtomics::load(segment.counter_line(line).values[index], std::memory_order_relaxed);  // exact when quiet
    return sum;
}

}  // namespace

void add_statistics(const Life& life, spr_statistics& statistics) {
    const ring::SegmentView segment = life.segment.view();
    if (!segment) return;
    statistics.started += total(segment, Counter::kStarted);
    statistics.ended += total(segment, Counter::kEnded);
    statistics.unsampled += total(segment, Counter::kUnsampled);
    statistics.not_started_slot += total(segment, Counter::kNotStartedSlot);
    statistics.not_started_nested += total(segment, Counter::kNotStartedNested);
    statistics.dropped_full += total(segment, Counter::kDroppedFull);
    statistics.dropped_too_big += total(segment, Counter::kDroppedTooBig);
    statistics.dropped_nested += total(segment, Counter::kDroppedNested);
    statistics.dropped_overwritten += total(segment, Counter::kDroppedOverwritten);
    statistics.refused_data += total(segment, Counter::kRefusedData);
    statistics.cut_texts += StdAtomics::load(life.cut_texts, std::memory_order_relaxed);
    statistics.given_back_bytes += StdAtomics::load(segment.writer().given_back, std::memory_order_relaxed);
    statistics.acknowledged += StdAtomics::load(segment.control().totals.acknowledged, std::memory_order_relaxed);
}

}  // namespace spanring::trace
