// SPDX-License-Identifier: Apache-2.0
//
// Slabs of memory, aligned to their size, straight from the kernel: malloc leaves a gap of nearly a slab between two of
// them, in which its next small pieces lie, and then nothing of it goes back. What is given back is the kernel's again,
// and its address waits for the next one. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <sys/mman.h>

#include "base/huge_pages.hpp"

namespace spanring::agent {

template <size_t kSlab>
class SlabMemory {
public:
    SlabMemory() = default;
    SlabMemory(const SlabMemory&) = delete;
    SlabMemory& operator=(const SlabMemory&) = delete;
    ~SlabMemory() {
        for (void* const region : regions_) ::munmap(region, kRegion);
    }

    void* take() {
        if (free_.empty()) add_region();
        void* const slab = free_.back();
        free_.pop_back();
        return slab;
    }
    void give_back(void* slab) {
        ::madvise(slab, kSlab, MADV_DONTNEED);  // where it fails, it is there for the next one all the same
        free_.push_back(slab);
    }

private:
    static constexpr size_t kRegion = kHugePage;
    // Regions whose pages are small, for what lies in a huge one is all of it: beyond 16 MiB that is little more.
    static constexpr size_t kSmall = 8;
    static_assert(kRegion % kSlab == 0);

    void add_region() {
        free_.reserve(free_.capacity() + kRegion / kSlab);
        regions_.reserve(regions_.size() + 1);
        auto* const region = static_cast<uint8_t*>(map_aligned(kRegion, kRegion));
        if (regions_.size() >= kSmall) use_huge_pages(region, kRegion);
        regions_.push_back(region);
        for (uint8_t* slab = region + kRegion; slab != region;) free_.push_back(slab -= kSlab);
    }

    std::vector<void*> regions_;
    std::vector<void*> free_;
};

}  // namespace spanring::agent
