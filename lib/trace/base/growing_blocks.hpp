// SPDX-License-Identifier: Apache-2.0
//
// Room for things by number, of which nobody knows how many there will be: the first so many lie in their owner, more
// in blocks that are mapped as they are needed, each for as many as there are before it. A block stays where it is
// until unmap(). Zeroed memory has none. Any thread, any signal level; never waits.
//
//     operation    at      add     limit
//     at           free    free    free       (free: no synchronisation by the caller)
//     add          free    free    free
//     unmap        alone
#pragma once

#include <errno.h>
#include <sys/mman.h>

#include <cstdint>

#include "ring/atomics.hpp"

namespace spanring::trace {

// Memory of that size, zeroed, in a place where there may be none yet. False: there is none to be had. What is there is
// published by the caller.
[[gnu::cold, gnu::noinline]] inline bool map_once(void*& place, size_t size) {
    // acquire: the mapping, which is older than what its place says. Pairs with the release in the exchange below.
    // Without it who only saw the place, and publishes it, would publish a mapping that is not ordered before that: the
    // kernel made its zeroes, so nothing else breaks, but a checker that takes mmap() for a write cannot know.
    if (__atomic_load_n(&place, __ATOMIC_ACQUIRE) != nullptr) return true;
    const int before = errno;
    void* const memory =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    errno = before;
    if (memory == MAP_FAILED) return false;
    void* none = nullptr;
    // release: as said, pairs with the acquire above; acquire: where another thread's mapping is there.
    if (!ring::StdAtomics::compare_exchange(place, none, memory, std::memory_order_acq_rel))
        munmap(memory, size);  // another thread's is there
    return true;
}

template <class Thing, uint32_t kFirst, uint32_t kBlocks>
class GrowingBlocks {
public:
    // How many there are room for.
    uint32_t limit() const {
        // acquire: the blocks of all numbers below it. Pairs with the release in add(), which says what breaks.
        return kFirst << ring::StdAtomics::load(count_, std::memory_order_acquire);
    }

    // Of a number that is not among the first, and below a limit that was seen, by this thread or by the one whose
    // number it was.
    Thing& at(uint32_t number) const {
        const uint32_t block = block_of(number);
        // relaxed: as limit() has ordered it.
        void* const things = __atomic_load_n(&blocks_[block], __ATOMIC_RELAXED);
        return static_cast<Thing*>(things)[number - (kFirst << block)];
    }

    // COLD. All below `limit`, as it was seen, are in use: room for as many again. False: there is none to be had.
    bool add(uint32_t limit) {
        const uint32_t block = block_of(limit);
        if (block >= kBlocks || !map_once(blocks_[block], size_of(block))) return false;
        uint32_t expected = block;
        // release: the block, which this thread has mapped or seen mapped, before the count. Pairs with the acquire in
        // limit(). Without it a number could be used whose block is not to be seen yet.
        ring::StdAtomics::compare_exchange(count_, expected, block + 1, std::memory_order_release);
        return true;
    }

    void unmap() {
        for (uint32_t block = 0; block < kBlocks; ++block)
            if (blocks_[block] != nullptr) munmap(blocks_[block], size_of(block));
    }

private:
    // Block b has the numbers from kFirst << b on, as many as there are below.
    static uint32_t block_of(uint32_t number) { return 31 - static_cast<uint32_t>(__builtin_clz(number / kFirst)); }
    static size_t size_of(uint32_t block) { return sizeof(Thing) * kFirst << block; }

    uint32_t count_ = 0;  // of blocks that are there
    void* blocks_[kBlocks] = {};
};

}  // namespace spanring::trace
