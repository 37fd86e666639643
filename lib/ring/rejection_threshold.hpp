// SPDX-License-Identifier: Apache-2.0
//
// How likely a trace is sampled, as a rejection threshold: of the 56 random bits of a trace id those below it are
// refused (specification: trace/tracestate-probability-sampling.md). Its hexadecimal digits, trailing zeros left out,
// are the value of `th` in the trace state.
#pragma once

#include <cstdint>

namespace spanring::ring {

struct RejectionThreshold {
    static constexpr uint64_t kAlways = 0;
    static constexpr uint64_t kNever = uint64_t{1} << 56;
    static constexpr uint32_t kDigits = 11;    // at most: 44 bits, so that an spr_context has room for it
    static constexpr uint32_t kPrecision = 4;  // digits after the leading `f`s (specification: the default precision)

    // A ratio outside of 0 to 1, and NaN, is the nearest of the two, and 0. A larger ratio never gives a larger
    // threshold: the rounding of each range of ratios is finer than that of the next.
    static constexpr uint64_t of(double ratio) {
        if (!(ratio > 0)) return kNever;
        if (ratio >= 1) return kAlways;
        uint32_t digits = kPrecision;
        for (double scaled = ratio * 16; scaled <= 1 && digits < kDigits; scaled *= 16) ++digits;
        const uint64_t all = uint64_t{1} << 4 * digits;
        const auto sampled = static_cast<uint64_t>(ratio * static_cast<double>(all) + 0.5);
        return sampled == 0 ? kNever : (all - sampled) << (56 - 4 * digits);
    }

    static constexpr double ratio(uint64_t threshold) {
        return threshold >= kNever ? 0.0 : static_cast<double>(kNever - threshold) / static_cast<double>(kNever);
    }

    // Writes the digits of `th`, at most 14, at least one. Returns how many. Not for kNever.
    static constexpr uint32_t write(char* to, uint64_t threshold) {
        uint32_t size = 0;
        do {
            to[size++] = "0123456789abcdef"[threshold >> 52 & 15];
            threshold = threshold << 4 & (kNever - 1);
        } while (threshold != 0);
        return size;
    }
};

}  // namespace spanring::ring
