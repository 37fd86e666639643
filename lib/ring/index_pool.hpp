// SPDX-License-Identifier: Apache-2.0
//
// Free numbers 0 .. n-1 (slots, blocks, states of threads), n growing: a bump counter for numbers never used yet and a
// stack for those given back. In memory private to the process; any thread, any signal level; never waits.
//
//     operation    pop            push           raise
//     pop          free           free           free        (free: no synchronisation by the caller)
//     push         free           free (own n)   free
#pragma once

#include <cstdint>

#include "ring/atomics.hpp"

namespace spanring::ring {

// Links: where the word of each number is, by [].
template <class Atomics = StdAtomics, class Links = uint32_t*>
class IndexPool {
public:
    static constexpr uint32_t kNone = ~uint32_t{0};

    // next: one word for each number below the limit, zeroed, outliving the pool.
    void reset(Links next) {
        next_ = next;
        fresh_ = 0;
        head_ = 0;
    }

    // limit: numbers that exist at present.
    uint32_t pop(uint32_t limit) {
        // acquire: makes next_[top] of the push that put it there visible. Pairs with the release in push(). Without it
        // a stale link could become the head.
        uint64_t head = Atomics::load(head_, std::memory_order_acquire);
        while (static_cast<uint32_t>(head) != 0) {
            const uint32_t top = static_cast<uint32_t>(head) - 1;
            const uint32_t below =
                Atomics::load(next_[top], std::memory_order_relaxed);  // stale only if the exchange fails
            // The upper half counts operations, so that a head that came back (ABA) is not taken for the same.
            const uint64_t wanted = ((head >> 32) + 1) << 32 | below;
            // acquire: as above; so is the load below, for the next try.
            if (Atomics::compare_exchange(head_, head, wanted, std::memory_order_acquire)) return top;
            head = Atomics::load(head_, std::memory_order_acquire);
        }
        uint32_t fresh = Atomics::load(fresh_, std::memory_order_relaxed);  // relaxed: the number alone matters
        while (fresh < limit)
            if (Atomics::compare_exchange(fresh_, fresh, fresh + 1, std::memory_order_relaxed)) return fresh;
        return kNone;
    }

    void push(uint32_t index) {
        uint64_t head = Atomics::load(head_, std::memory_order_relaxed);
        for (;;) {
            Atomics::store(next_[index], static_cast<uint32_t>(head), std::memory_order_relaxed);
            const uint64_t wanted = ((head >> 32) + 1) << 32 | (index + 1);
            // release: publishes next_[index] and whatever the caller did to the thing itself. Pairs with the acquires
            // in pop(). Without it the next user could see the thing half returned.
            if (Atomics::compare_exchange(head_, head, wanted, std::memory_order_release)) return;
        }
    }

private:
    alignas(8) uint64_t head_ = 0;  // operations << 32 | top + 1
    uint32_t fresh_ = 0;
    Links next_{};  // top + 1 of the one below; 0: none
};

}  // namespace spanring::ring
