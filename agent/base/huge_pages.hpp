// SPDX-License-Identifier: Apache-2.0
//
// Memory straight from the kernel for what is looked at in no order, and is in no cache: with small pages each look
// misses the cache of page tables as well, which in a virtual machine costs as much again. Where the kernel has no huge
// pages, or none are free, they are small.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include <sys/mman.h>

namespace spanring::agent {

inline constexpr size_t kHugePage = 2u << 20;

// Zeros, aligned to a multiple of the pages. Both are powers of two, or the size a multiple of the alignment.
inline void* map_aligned(size_t size, size_t alignment) {
    void* const mapped = ::mmap(nullptr, size + alignment, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    auto* const begin = static_cast<uint8_t*>(mapped);
    auto* const aligned =
        reinterpret_cast<uint8_t*>((reinterpret_cast<uintptr_t>(begin) + alignment - 1) & ~uintptr_t{alignment - 1});
    if (aligned != begin) ::munmap(begin, static_cast<size_t>(aligned - begin));
    const size_t rest = alignment - static_cast<size_t>(aligned - begin);
    if (rest != 0) ::munmap(aligned + size, rest);
    return aligned;
}

// What is there is huge from its first use on.
inline void use_huge_pages(void* at, size_t size) {
    ::madvise(at, size, MADV_HUGEPAGE);  // where it fails, pages are small
}

// Of vectors that are written to wholly: what is smaller than a huge page is malloc's.
template <class Value>
struct HugePageAllocator {
    using value_type = Value;

    HugePageAllocator() = default;
    template <class Other>
    HugePageAllocator(const HugePageAllocator<Other>& /*other*/) {}  // NOLINT(google-explicit-constructor)

    Value* allocate(size_t count) {
        const size_t size = count * sizeof(Value);
        if (size < kHugePage) return static_cast<Value*>(::operator new(size));
        void* const at = map_aligned(rounded(size), kHugePage);
        use_huge_pages(at, rounded(size));
        return static_cast<Value*>(at);
    }
    void deallocate(Value* at, size_t count) {
        const size_t size = count * sizeof(Value);
        size < kHugePage ? ::operator delete(at) : static_cast<void>(::munmap(at, rounded(size)));
    }
    bool operator==(const HugePageAllocator&) const = default;

private:
    static size_t rounded(size_t size) { return (size + kHugePage - 1) & ~(kHugePage - 1); }
};

}  // namespace spanring::agent
