// SPDX-License-Identifier: Apache-2.0
//
// A span that is in a slot, as OTLP. Of a dead process, whose span never ended: what its slot holds, an end (the
// death), status ERROR, and the attribute spanring.unfinished. Of one that goes on: an end (now), and the attribute
// spanring.partial. One that ended and waits there is what it would be in a chunk. Works on a private copy; an
// inconsistent slot gives no span, never a fault.
#pragma once

#include <cstdint>
#include <vector>

#include "ring/extent_map.hpp"
#include "ring/layout.hpp"
#include "ring/segment_view.hpp"

namespace spanring::ring {

// One slot, and its data wherever that lies.
struct SlotCopy {
    Slot slot;
    std::vector<uint8_t> data;
};

// Copies a slot of a dead process, or one that waits. False: it names a block that does not exist.
bool copy_slot(SegmentView segment, const ExtentMap& extents, uint32_t slot, SlotCopy& ret_copy);

// Appends `0x12 len <Span>`. Of a field that a crash left there twice the last one counts; superseded ones are left
// out. An ERROR that the application set keeps its message. Never an end before the start. False: the data is not a run
// of fields, and nothing was appended.
bool append_unfinished_span(const SlotCopy& copy, uint64_t death_unix_nano, std::vector<uint8_t>& to);

// Likewise, of a span that is open.
bool append_partial_span(const SlotCopy& copy, uint64_t now_unix_nano, std::vector<uint8_t>& to);

// Likewise, of a span that has ended and waits in its slot.
bool append_ended_span(const SlotCopy& copy, std::vector<uint8_t>& to);

inline constexpr char kPartialKey[] = "spanring.partial";
inline constexpr char kUnfinishedKey[] = "spanring.unfinished";
inline constexpr char kUnfinishedMessage[] = "the process ended before the span did";

}  // namespace spanring::ring
