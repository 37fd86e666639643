// SPDX-License-Identifier: Apache-2.0
#include "unit/ring/segment_in_memory.hpp"

#include <algorithm>
#include <cstring>

#include "ring/segment_file.hpp"

namespace spanring::test {
namespace {

constexpr uint32_t kExtents = 2;  // the most that a scenario has

uint8_t* memory() {
    static auto* const bytes = new (std::align_val_t{ring::kPage}) uint8_t[ring::segment_size(kExtents)]();
    return bytes;
}

struct Populated {
    const uint8_t* begin;
    uint64_t size;
    uint32_t by;
    Stepper::Moment when;
};
std::vector<Populated> g_populated;

}  // namespace

SegmentInMemory::SegmentInMemory(uint32_t extent_limit, uint32_t full_policy)
    : extent_limit_(extent_limit),
      full_policy_(full_policy),
      pool_(ring::Segment::pool_bytes(extent_limit) / sizeof(uint32_t)) {
    clock_.start();
}

void SegmentInMemory::reset() {
    memset(memory(), 0, ring::kResourceOffset);
    memset(memory() + ring::kCountersOffset, 0, ring::kPage);
    for (uint32_t extent = 0; extent < extent_limit_; ++extent) {
        uint8_t* const begin = memory() + ring::extent_offset(extent);
        memset(begin, 0, ring::kMarksOffset + ring::kChunksPerExtent * sizeof(uint64_t));
        memset(begin + ring::kSlotsOffset, 0, 4 * ring::kSlotSize);  // no scenario takes more
    }
    std::fill_n(pool_.begin(), 4, 0);
    g_populated.clear();
    segment_ = ring::Segment();
    segment_.open({extent_limit_, full_policy_, nullptr, 0}, clock_, pool_.data());
}

void SegmentInMemory::expect_populated(Stepper& stepper, const void* at) {
    for (const Populated& part : g_populated) {
        const auto offset = static_cast<uint64_t>(static_cast<const uint8_t*>(at) - part.begin);
        if (offset < part.size && part.when <= stepper.knowledge().all.at[part.by]) return;
    }
    stepper.complain("memory is touched of which it is not known that it was populated");
}

}  // namespace spanring::test

namespace spanring::ring {

int create_segment(const SegmentRequest&, SegmentFile& ret_segment) {
    ret_segment.base = test::memory();
    ret_segment.size = segment_size(test::kExtents);
    ret_segment.extents = 1;
    SegmentView(ret_segment.base).writer().extents = 1;
    return 0;
}

int populate(uint8_t* address, uint64_t size) {
    if (test::Stepper* const stepper = test::Stepper::stepping())
        test::g_populated.push_back({address, size, stepper->running(), test::Stepper::now()});
    return 0;
}

void cover_hole(uint8_t*, uint64_t) {}

}  // namespace spanring::ring
