// SPDX-License-Identifier: Apache-2.0
#include "unit/ring/segment_in_memory.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sys/mman.h>

#include "ring/extent_word.hpp"
#include "ring/segment_file.hpp"

namespace spanring::test {
namespace {

// The most that a scenario has. Memory only for what it touches.
constexpr uint64_t kSize = ring::segment_size(SegmentInMemory::kWithHugePlaces, true);

uint8_t* memory() {
    static void* const bytes =
        mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return static_cast<uint8_t*>(bytes);
}

struct Populated {
    const uint8_t* begin;
    uint64_t size;
    uint32_t by;
    Stepper::Moment when;
    bool punched = false;  // the contrary of it

    bool covers(const void* at) const { return static_cast<uint64_t>(static_cast<const uint8_t*>(at) - begin) < size; }
};
std::vector<Populated> g_populated;  // in the order of the system calls
constexpr uint32_t kNoFiber = ~uint32_t{0};
uint32_t g_refused = kNoFiber;

}  // namespace

SegmentInMemory::SegmentInMemory(uint32_t extent_limit, uint32_t full_policy)
    : extent_limit_(extent_limit),
      full_policy_(full_policy),
      pool_(ring::Segment::pool_bytes(extent_limit) / sizeof(uint64_t)) {
    clock_.start();
}

void SegmentInMemory::reset(std::initializer_list<ring::ExtentKind> kinds) {
    const ring::SegmentView view(memory(), extent_limit_);
    const bool huge = extent_limit_ == kWithHugePlaces;
    memset(memory(), 0, ring::kResourceOffset);
    memset(memory() + ring::kCountersOffset, 0, ring::kPage);
    memset(memory() + ring::kExtentWordsOffset, 0, extent_limit_ * sizeof(uint64_t));
    memset(&view.chunk_mark(0), 0, extent_limit_ * ring::kChunksPerExtent * sizeof(uint64_t));
    memset(&view.chunk_line(0), 0, extent_limit_ * ring::kChunksPerExtent * sizeof(ring::ChunkLine));
    for (uint32_t extent = 0; extent < extent_limit_; ++extent)
        memset(view.extent(extent), 0, 4 * ring::kSlotSize);  // no scenario takes more
    if (huge) memset(memory() + ring::kHugeLinesOffset, 0, ring::kGroupsOffset - ring::kHugeLinesOffset);
    std::fill_n(pool_.begin(), pool_.size(), 0);
    g_populated.clear();
    g_refused = kNoFiber;
    segment_ = ring::Segment();
    ring::SegmentRequest request{extent_limit_, full_policy_, nullptr, 0};
    request.huge = huge;
    segment_.open(request, clock_, pool_.data());
    ring::ExtentParts<> parts;
    parts.reset(pool_.data());
    uint32_t extent = 0;
    for (const ring::ExtentKind kind : kinds) {
        view.extent_word(extent) = ring::ExtentWord{kind}.pack();
        parts.begin(extent++, kind);
    }
    view.writer().extents = extent;
    extents_ = ring::ExtentMap(extent_limit_, huge);
    extents_.update(view);
}

void SegmentInMemory::refuse(uint32_t fiber) { g_refused = fiber; }

void SegmentInMemory::expect_populated(Stepper& stepper, const void* at) {
    for (size_t i = g_populated.size(); i-- != 0 && !(g_populated[i].covers(at) && g_populated[i].punched);)
        if (g_populated[i].covers(at) && g_populated[i].when <= stepper.knowledge().all.at[g_populated[i].by]) return;
    stepper.complain("memory is touched of which it is not known that it was populated");
}

bool SegmentInMemory::is_punched(const void* at) {
    for (size_t i = g_populated.size(); i-- != 0;)
        if (g_populated[i].covers(at)) return g_populated[i].punched;
    return false;
}

}  // namespace spanring::test

namespace spanring::ring {

int create_segment(const SegmentRequest& request, SegmentFile& ret_segment) {
    ret_segment.base = test::memory();
    SegmentView(ret_segment.base).header().compatible = kRestoresMemory;
    SegmentView(ret_segment.base).header().huge_places = request.huge ? kHugePlaces : 0;
    ret_segment.size = test::kSize;
    return 0;
}

int populate(uint8_t* address, uint64_t size) {
    test::Stepper* const stepper = test::Stepper::stepping();
    if (stepper == nullptr) return 0;
    if (stepper->running() == test::g_refused) return -ENOSPC;
    test::g_populated.push_back({address, size, stepper->running(), test::Stepper::now()});
    return 0;
}

int populate_extent(SegmentView segment, uint32_t extent) { return populate(segment.extent(extent), size_of(extent)); }

bool punch(uint8_t* address, uint64_t size) {
    if (test::Stepper* const stepper = test::Stepper::stepping())
        test::g_populated.push_back({address, size, stepper->running(), test::Stepper::now(), true});
    return true;
}

bool is_in_memory(uint8_t*, uint32_t) { return true; }

void cover_hole(uint8_t*, uint64_t) {}

void replace_by_scratch(uint8_t*, uint64_t) {}

}  // namespace spanring::ring
