// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <time.h>

#include <cstdint>

#include "ring/layout.hpp"
#include "trace/process/provider.hpp"

namespace spanring::trace {

inline constexpr uint64_t kNoTicks = 0;  // Slot::start_ticks: the start was given, by another clock

// The present, in the span's own time: its start and what passed since; the wall clock where the start was given.
[[gnu::always_inline]] inline uint64_t now_of(const ring::Slot& slot) {
    if (slot.start_ticks == kNoTicks) [[unlikely]]
        return ring::Clock::read(CLOCK_REALTIME);
    const uint64_t ticks = Provider::clock().ticks() - slot.start_ticks;
    return slot.start_unix_nano + (static_cast<int64_t>(ticks) > 0 ? Provider::clock().duration(ticks) : 0);
}

}  // namespace spanring::trace
