// SPDX-License-Identifier: Apache-2.0
//
// The lives that this process has mapped, those of providers that were shut down included: for a child, which leaves
// their segments alone, and for the end of the library's code, which gives all of them back.
#pragma once

#include <cstdint>

#include "ring/atomics.hpp"

namespace spanring::trace {

struct Life;

class LifeTable {
public:
    // What finds no room is not known here, and stays mapped when the code goes.
    void add(Life* life) {
        for (Life*& entry : entries_) {
            Life* none = nullptr;
            // relaxed: it is read when no thread is in a call, which whoever unloads the code has seen to.
            if (ring::StdAtomics::compare_exchange(entry, none, life, std::memory_order_relaxed)) return;
        }
    }
    void remove(Life* life) {
        for (Life*& entry : entries_) {
            Life* seen = life;
            if (ring::StdAtomics::compare_exchange(entry, seen, static_cast<Life*>(nullptr), std::memory_order_relaxed))
                return;
        }
    }
    // By the only thread that uses it. The one that is visited may be removed.
    template <class Visit>
    void each(Visit&& visit) {
        for (Life* const life : entries_)
            if (life != nullptr) visit(*life);
    }

private:
    static constexpr uint32_t kEntries = 256;

    Life* entries_[kEntries] = {};
};

}  // namespace spanring::trace
