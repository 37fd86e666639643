// SPDX-License-Identifier: Apache-2.0
//
// What does not fit into its span because of its texts: they are cut, the longest first, until it does. A text that is
// cut says more than one that is lost.
#pragma once

#include <cstdint>

#include "ring/slot_data.hpp"
#include "trace/process/life.hpp"

namespace spanring::trace {

// Finds the longest texts with which something fits, reserves room for it and counts it as cut. measure(bytes) gives
// its size with no text of more than so many bytes, and was called last with those that fit. False: it does not fit,
// however short. COLD: only after a reserve() that failed.
template <class Measure>
[[gnu::noinline]] bool reserve_cut(Life& life, ring::SlotWriter& writer, Measure&& measure) {
    // Left for what is set afterwards: a status, a few attributes. The less there is, the less.
    constexpr uint32_t kKeptBack = 1024;
    for (uint32_t kept_back = kKeptBack;; kept_back /= 4) {
        const auto fits = [&](uint32_t bytes) {
            const uint64_t size = uint64_t{measure(bytes)} + kept_back;
            return size <= ring::kSlotDataMax && writer.reserve(static_cast<uint32_t>(size));
        };
        uint32_t fitting = 1, too_many = ring::kSlotDataMax;
        if (!fits(fitting)) {
            if (kept_back == 0) return false;
            continue;
        }
        while (too_many - fitting > 1) {
            const uint32_t middle = fitting + (too_many - fitting) / 2;
            (fits(middle) ? fitting : too_many) = middle;
        }
        measure(fitting);
        life.count_cut_text();
        return true;
    }
}

}  // namespace spanring::trace
