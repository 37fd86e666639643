// SPDX-License-Identifier: Apache-2.0
//
// Slabs of memory, aligned to their size, straight from the kernel: malloc leaves a gap of nearly a slab between two of
// them, in which its next small pieces lie, and then nothing of it goes back. What is given back is the kernel's again,
// and its address waits for the next one. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

#include <sys/mman.h>

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
    static constexpr size_t kRegion = 16 * kSlab;

    void add_region() {
        constexpr size_t kMapped = kRegion + kSlab;
        free_.reserve(free_.capacity() + kRegion / kSlab);
        regions_.reserve(regions_.size() + 1);
        void* const mapped = ::mmap(nullptr, kMapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapped == MAP_FAILED) throw std::bad_alloc();
        auto* const begin = static_cast<uint8_t*>(mapped);
        auto* const region =
            reinterpret_cast<uint8_t*>((reinterpret_cast<uintptr_t>(begin) + kSlab - 1) & ~uintptr_t{kSlab - 1});
        uint8_t* const end = region + kRegion;
        if (region != begin) ::munmap(begin, static_cast<size_t>(region - begin));
        if (end != begin + kMapped) ::munmap(end, static_cast<size_t>(begin + kMapped - end));
        regions_.push_back(region);
        for (uint8_t* slab = end; slab != region;) free_.push_back(slab -= kSlab);
    }

    std::vector<void*> regions_;
    std::vector<void*> free_;
};

}  // namespace spanring::agent
