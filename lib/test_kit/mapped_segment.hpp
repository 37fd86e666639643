// SPDX-License-Identifier: Apache-2.0
//
// A segment of the private directory, mapped: what it holds is read beside its process, as an agent would, and its
// finished spans can be acknowledged. No agent works on it, so nothing but its own process changes it meanwhile.
#pragma once

#include <cstdint>

#include "ring/layout.hpp"
#include "ring/segment_view.hpp"

namespace spanring::test_kit {

class MappedSegment {
public:
    MappedSegment() = default;
    ~MappedSegment();
    MappedSegment(const MappedSegment&) = delete;
    MappedSegment& operator=(const MappedSegment&) = delete;

    // Errors: -EBADMSG (no segment, or of another layout), or of the system.
    int open(int directory, const char* name);

    ring::SegmentView view() const { return {base_, header_.extent_limit}; }
    const ring::Header& header() const { return header_; }
    uint32_t extents() const;
    bool has_huge(uint32_t place) const;
    bool process_lives() const;
    uint64_t lost() const;  // spans of it that were neither recorded nor not wanted

    // Everything that has ended is done with; full chunks are free again.
    void acknowledge() const;

private:
    void acknowledge_slots(uint32_t extent) const;
    void acknowledge_chunk(uint32_t chunk) const;

    int file_ = -1;
    uint8_t* base_ = nullptr;
    ring::Header header_{};
};

}  // namespace spanring::test_kit
