// SPDX-License-Identifier: Apache-2.0
//
// The open spans of a process that lives, read beside it: by read() alone, without a lock, and nothing is written. Each
// is as it was at one instant. What changes while it is read is read again, and in the end left out and counted; what
// ends meanwhile is no open span any more.
//
// Nothing in the file is believed, and whatever it claims takes no more time and memory than it is allowed.
#pragma once

#include <cstdint>
#include <functional>

#include "ring/extent_map.hpp"
#include "ring/unfinished_span.hpp"
#include "segment/segment_copy.hpp"

namespace spanring::agent {

// How much is looked at before the rest is left out. An honest segment of the usual size takes a fraction.
struct LookAllowance {
    uint64_t looks = 4'000'000;            // reads of a part of a slot
    uint64_t bytes = uint64_t{256} << 20;  // of what spans hold
};

class OpenSpanReader {
public:
    using Visit = std::function<void(const ring::SlotCopy& span)>;

    // `header` was read from the file and checked.
    OpenSpanReader(int fd, const ring::Header& header) : fd_(fd), extents_(header) {}

    void each(LookAllowance& allowance, const Visit& visit);

    uint64_t changed() const { return changed_; }  // spans that were another one each time they were looked at
    uint64_t broken() const { return broken_; }    // slots that no library leaves so
    bool exhausted() const { return exhausted_; }  // nothing is allowed any more: there may be others

private:
    enum class Reading { kNotOpen, kWhole, kChanged, kBroken };

    bool find_extents();
    bool has_memory(uint32_t extent) const;
    bool were_turned(uint64_t since) const;
    void look_at(uint32_t extent, const Visit& visit);
    Reading read(uint32_t slot, ring::SlotCopy& ret_span);
    Reading read_data(uint32_t slot, ring::SlotCopy& span);

    const int fd_;
    ring::ExtentMap extents_;
    SegmentCopy words_{1};  // the writer page and the extents' words, for the map
    LookAllowance* allowance_ = nullptr;
    uint64_t changed_ = 0;
    uint64_t broken_ = 0;
    bool exhausted_ = false;
};

}  // namespace spanring::agent
