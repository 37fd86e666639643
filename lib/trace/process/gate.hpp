// SPDX-License-Identifier: Apache-2.0
//
// How many cold calls are inside of something, so that it is cleared up once, by the last of them, after it was closed.
// Nobody waits. Every operation may be called by any thread at any signal level.
//
//     open() ──▶ enter() … leave() ──▶ close() ──▶ leave() of the last one: true ──▶ it clears up ──▶ open()
#pragma once

#include <cstdint>

#include "ring/atomics.hpp"

namespace spanring::trace {

class Gate {
public:
    // By the only one who knows of it, after it was cleared up.
    // release: what was set up before. Pairs with the acquire in enter(). Without it a call could find what the last
    // user left.
    void open() { ring::StdAtomics::store(word_, kOpen, std::memory_order_release); }

    // False: it is closed.
    bool enter() {
        uint32_t seen = ring::StdAtomics::load(word_, std::memory_order_relaxed);
        while ((seen & kOpen) != 0)
            // acquire: pairs with the release in open(), which says what breaks.
            if (ring::StdAtomics::compare_exchange(word_, seen, seen + kOne, std::memory_order_acquire)) return true;
        return false;
    }

    // By one who is inside: nobody enters any more. More than once is no harm.
    void close() {
        uint32_t seen = ring::StdAtomics::load(word_, std::memory_order_relaxed);
        while ((seen & kOpen) != 0)
            if (ring::StdAtomics::compare_exchange(word_, seen, seen & ~kOpen, std::memory_order_relaxed)) return;
    }

    // True: it is closed and this was the last one inside.
    bool leave() {
        // release and acquire: everything that was done inside, before it is cleared up. Pairs with itself. Without it
        // the last one could clear up under the feet of another.
        return ring::StdAtomics::fetch_add(word_, ~kOne + 1, std::memory_order_acq_rel) == kOne;
    }

    // The only thread of a child: nobody is inside. False: it is closed.
    bool empty() { return (word_ &= kOpen) != 0; }

private:
    static constexpr uint32_t kOpen = 1;
    static constexpr uint32_t kOne = 2;

    uint32_t word_ = 0;  // zero is closed, and nobody inside: what has a gate stays in .bss
};

}  // namespace spanring::trace
