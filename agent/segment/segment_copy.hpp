// SPDX-License-Identifier: Apache-2.0
//
// A private copy of a segment's file, made by read(): nobody changes it while it is looked at, a file that shrinks is a
// short read and not a fault, and the ring's reader side, recovery included, may be run over it without a byte of the
// file being written.
//
// What the file does not have, and what was not copied, is zero: "free, empty, none" to every reader.
#pragma once

#include <cstdint>
#include <vector>

#include "ring/extent_map.hpp"
#include "ring/segment_view.hpp"

namespace spanring::agent {

// Until `size` bytes are there, or the file ends. Returns how many came.
uint64_t read_at(int fd, uint64_t offset, void* to, uint64_t size);

class SegmentCopy {
public:
    // At most ring::kMaxExtents; takes memory only for what is copied.
    explicit SegmentCopy(uint32_t extent_limit, bool huge = false);
    explicit SegmentCopy(const ring::Header& header) : SegmentCopy(header.extent_limit, header.huge_places != 0) {}
    ~SegmentCopy();
    SegmentCopy(SegmentCopy&& other) noexcept;
    SegmentCopy(const SegmentCopy&) = delete;
    SegmentCopy& operator=(const SegmentCopy&) = delete;

    ring::SegmentView view() const { return {base_, extent_limit_}; }

    // False: the file is shorter. What it has is copied nevertheless; holes are passed over, for a copy of them would
    // take the memory that they do not.
    bool copy(int fd, uint64_t offset, uint64_t size);

    // All that lies before the extents, without what is said about their chunks.
    bool copy_base(int fd) { return copy(fd, 0, ring::kGroupsOffset); }
    // Of the first so many extents what is said about their chunks, and the slots. False: as copy().
    bool copy_heads(int fd, const ring::ExtentMap& extents);

    // What an agent would do at its attach and, of a dead process, before it drains: an acknowledgement that was cut
    // off is completed, and what threads had half done is settled by their intents. What copy_heads() copies is there.
    // Inconsistent slots are left out.
    struct Settled {
        bool journal = true;           // false: it names something that does not exist
        std::vector<uint32_t> open;    // slots of open spans
        std::vector<uint32_t> broken;  // slots whose words or intents are impossible
    };
    Settled settle(const ring::ExtentMap& extents);

private:
    bool find_data(int fd, uint64_t at);

    uint32_t extent_limit_ = 0;
    uint64_t size_ = 0;
    uint8_t* base_ = nullptr;
    uint64_t data_begin_ = 0;  // a run of the file that is no hole, as found last
    uint64_t data_end_ = 0;
};

}  // namespace spanring::agent
