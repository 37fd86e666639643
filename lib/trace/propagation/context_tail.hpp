// SPDX-License-Identifier: Apache-2.0
//
// The last eight bytes of an spr_context as one number, so that a start writes them at once: flags, whether it is
// remote, and in `sampling` the rejection threshold by which its trace was sampled, which its trace state tells the
// others:
//
//     bits  0-7   trace flags
//           8-15  is_remote
//          16     a threshold is known
//          17     the span keeps a trace state: of this span alone, its children have bits of their own
//          20-63  the threshold, its upper 44 of 56 bits (RejectionThreshold::kDigits says that the rest is zero)
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "ring/rejection_threshold.hpp"
#include "spanring/spanring.h"

namespace spanring::trace {

struct ContextTail {
    static constexpr uint64_t kKnown = uint64_t{1} << 16;
    static constexpr uint64_t kKeepsTraceState = uint64_t{1} << 17;
    static constexpr uint64_t kSampling = ~uint64_t{0xffff} & ~kKeepsTraceState;  // what a child takes over
    static_assert(offsetof(spr_context, trace_flags) == 24 && offsetof(spr_context, sampling) == 26 &&
                  sizeof(spr_context) == 32);
    static_assert(4 * ring::RejectionThreshold::kDigits == 44);

    static uint64_t read(const spr_context& context) {
        uint64_t tail;
        memcpy(&tail, reinterpret_cast<const uint8_t*>(&context) + offsetof(spr_context, trace_flags), sizeof tail);
        return tail;
    }
    static void write(spr_context& context, uint64_t tail) {
        memcpy(reinterpret_cast<uint8_t*>(&context) + offsetof(spr_context, trace_flags), &tail, sizeof tail);
    }

    static constexpr uint64_t of_threshold(uint64_t threshold) { return kKnown | threshold >> 12 << 20; }
    static constexpr bool has_threshold(uint64_t tail) { return (tail & kKnown) != 0; }
    static constexpr uint64_t threshold(uint64_t tail) { return tail >> 20 << 12; }
};
static_assert(ContextTail::threshold(ContextTail::of_threshold(ring::RejectionThreshold::of(0.3))) ==
              ring::RejectionThreshold::of(0.3));

}  // namespace spanring::trace
