// SPDX-License-Identifier: Apache-2.0
//
// What spr_span::handle holds. Never dereferenced unchecked: a spent, foreign or invented handle resolves to nothing.
#pragma once

#include <cstdint>

#include "ring/layout.hpp"

namespace spanring::trace {

struct SpanHandle {
    uint32_t provider;    // 3 bits
    uint32_t life;        // 8 bits of Life::number
    uint32_t slot;        // 20 bits
    uint32_t generation;  // Slot::generation, which begins elsewhere in each life

    static constexpr uint64_t kRecorded = 1;      // in every handle of a span that is recorded
    static constexpr uint64_t kLifeMask = 0xfff;  // what all handles of one life of a provider share

    // Bits: 0 set (recorded), 1-3 provider, 4-11 life, 12-31 slot, 32-63 generation.
    constexpr uint64_t pack() const { return of_life() | place(); }
    constexpr uint64_t of_life() const { return kRecorded | uint64_t{provider} << 1 | uint64_t{life & 0xff} << 4; }
    constexpr uint64_t place() const { return uint64_t{slot} << 12 | uint64_t{generation} << 32; }
    static constexpr SpanHandle unpack(uint64_t bits) {
        return {static_cast<uint32_t>(bits >> 1) & 7, static_cast<uint32_t>(bits >> 4) & 0xff,
                static_cast<uint32_t>(bits >> 12) & 0xfffff, static_cast<uint32_t>(bits >> 32)};
    }
};
static_assert(ring::kMaxExtents * ring::kSlotNumbers <= 1u << 20);

}  // namespace spanring::trace
