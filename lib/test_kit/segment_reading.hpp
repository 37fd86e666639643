// SPDX-License-Identifier: Apache-2.0
//
// The spans of one segment, decoded, at the end of a list. Those that are open come first, then those that have ended:
// one that ends between the two looks is there twice, and never not at all.
#pragma once

#include "ring/extent_word.hpp"
#include "ring/layout.hpp"
#include "spanring/test_kit.h"
#include "test_kit/arena.hpp"
#include "test_kit/growing_list.hpp"
#include "test_kit/mapped_segment.hpp"
#include "test_kit/span_decoder.hpp"

namespace spanring::test_kit {

class SegmentReading {
public:
    SegmentReading(const MappedSegment& segment, Arena& arena, GrowingList<spr_test_span>& spans)
        : segment_(segment), arena_(arena), decoder_(arena), spans_(spans) {}

    // Errors: -EBADMSG, -ENOMEM.
    int read();

private:
    // An extent of that kind, by now.
    bool holds(uint32_t extent, ring::ExtentKind kind) const;
    int read_resource();
    int read_slots(uint32_t extent);
    int read_slot(uint32_t extent, uint32_t slot);
    bool copy_slot(uint32_t extent, uint32_t slot);
    int read_chunks(uint32_t extent, ring::ExtentKind kind);
    int read_chunk(uint32_t chunk, uint32_t capacity);
    int read_records(Bytes chunk, uint32_t from);
    const spr_test_scope* scope(uint32_t number);
    int add(Bytes message, uint32_t scope, const ring::Slot* open);

    const MappedSegment& segment_;
    Arena& arena_;
    SpanDecoder decoder_;
    GrowingList<spr_test_span>& spans_;
    spr_test_resource* resource_ = nullptr;
    spr_test_scope** scopes_ = nullptr;  // of each number that there may be; nullptr: of none yet
    GrowingList<uint8_t> bytes_;         // of the chunk, or of the slot's data, that is looked at
    ring::Slot slot_{};
};

}  // namespace spanring::test_kit
