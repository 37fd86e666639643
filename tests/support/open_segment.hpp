// SPDX-License-Identifier: Apache-2.0
//
// A real segment in a runtime directory of its own, with the private memory it needs, for as long as a test lives.
#pragma once

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "ring/chunk_reader.hpp"
#include "ring/segment.hpp"
#include "support/extents.hpp"
#include "support/private_directory.hpp"

namespace spanring::test {

class OpenSegment {
public:
    static constexpr uint32_t kDropNewest = 0;
    static constexpr uint32_t kOverwriteOldest = 1;

    explicit OpenSegment(uint32_t extent_limit, uint32_t full_policy = kDropNewest)
        : OpenSegment(ring::SegmentRequest{extent_limit, full_policy, kResource, sizeof kResource}) {}
    explicit OpenSegment(const ring::SegmentRequest& request)
        : pool_(ring::Segment::pool_bytes(request.extent_limit) / sizeof(uint64_t)) {
        clock_.start();
        error_ = segment_.open(request, clock_, pool_.data());
        EXPECT_EQ(error_, 0);
    }
    ~OpenSegment() {
        if (segment_) munmap(segment_.view().base(), segment_.view().header().segment_size);
    }
    OpenSegment(const OpenSegment&) = delete;
    OpenSegment& operator=(const OpenSegment&) = delete;

    ring::Segment& operator*() { return segment_; }
    ring::Segment* operator->() { return &segment_; }
    ring::SegmentView view() const { return segment_.view(); }
    int error() const { return error_; }

    uint32_t extents() const { return ring::StdAtomics::load(view().writer().extents, std::memory_order_acquire); }
    ring::ChunkWord word(uint32_t chunk) const { return ring::ChunkReader<>::committed(view().chunk_line(chunk)); }
    uint32_t chunks_in(ring::ChunkState state) const {
        uint32_t count = 0;
        extents_of(view()).each_chunk([&](uint32_t chunk) { count += word(chunk).state == state; });
        return count;
    }
    uint32_t extents_of_kind(ring::ExtentKind kind) const {
        const ring::ExtentMap map = extents_of(view());
        uint32_t count = 0;
        for (uint32_t extent = 0; extent < map.count(); ++extent) count += map.kind(extent) == kind;
        return count;
    }

    // What the agent does with a chunk that it has read.
    void release(uint32_t chunk) { ring::ChunkReader<>::release(view(), chunk, word(chunk).generation); }
    // Frees every FULL chunk; returns how many there were.
    uint32_t release_full() {
        uint32_t count = 0;
        extents_of(view()).each_chunk([&](uint32_t chunk) {
            if (word(chunk).state != ring::ChunkState::kFull) return;
            release(chunk);
            ++count;
        });
        return count;
    }

    const PrivateDirectory& directory() const { return directory_; }

private:
    static constexpr uint8_t kResource[] = {0x0a, 0x00};

    PrivateDirectory directory_;
    std::vector<uint64_t> pool_;
    ring::Clock clock_;
    ring::Segment segment_;
    int error_ = 0;
};

}  // namespace spanring::test
