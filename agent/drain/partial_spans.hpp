// SPDX-License-Identifier: Apache-2.0
//
// What a process has open, handed out as it is now. Drain thread only.
//
// Header bill: it goes through a RunCutter; attached_segment.cpp alone includes it.
#pragma once

#include <chrono>
#include <cstdint>

#include "drain/batcher.hpp"
#include "drain/held_segment.hpp"
#include "drain/run_cutter.hpp"

namespace spanring::agent {

// What has been open for longer, into a lane for such alone; no more than some milliseconds take, and than `most`
// bytes. Returns how many.
uint64_t hand_out_partial_spans(const HeldSegment& held, RunCutter& cutter, Batcher& batcher, Batcher::Lane& lane,
                                std::chrono::nanoseconds open_longer_than, uint64_t most);

}  // namespace spanring::agent
