// SPDX-License-Identifier: Apache-2.0
//
// Copies of at most kShortText bytes without a call or a loop: what keys, names and values nearly always are. Each size
// class is two overlapping words, one from either end; no byte outside of [from, from + size) or its copy is touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "trace/base/hot_path.hpp"

namespace spanring::trace {

inline constexpr size_t kShortText = 32;

// Sixteen bytes, and what is not 0 where one of them has its highest bit set.
#if defined(__SSE2__)
using Sixteen = __m128i;
inline Sixteen either(Sixteen a, Sixteen b) { return _mm_or_si128(a, b); }
inline uint64_t high_bits(Sixteen bytes) { return static_cast<uint32_t>(_mm_movemask_epi8(bytes)); }
#else
struct Sixteen {
    uint64_t halves[2];
};
inline Sixteen either(Sixteen a, Sixteen b) { return {{a.halves[0] | b.halves[0], a.halves[1] | b.halves[1]}}; }
inline uint64_t high_bits(Sixteen bytes) { return (bytes.halves[0] | bytes.halves[1]) & 0x8080808080808080; }
#endif
inline uint64_t either(uint64_t a, uint64_t b) { return a | b; }
inline uint64_t high_bits(uint64_t bytes) { return bytes & 0x8080808080808080; }
inline uint32_t either(uint32_t a, uint32_t b) { return a | b; }
inline uint64_t high_bits(uint32_t bytes) { return bytes & 0x80808080; }
inline uint16_t either(uint16_t a, uint16_t b) { return a | b; }
inline uint64_t high_bits(uint16_t bytes) { return bytes & 0x8080u; }

// The two words of a size class, copied. 0: all of it is ASCII.
template <class Word>
inline uint64_t copy_ends(uint8_t* to, const char* from, size_t size) {
    Word head, tail;
    memcpy(&head, from, sizeof head);
    memcpy(&tail, from + size - sizeof tail, sizeof tail);
    memcpy(to, &head, sizeof head);
    memcpy(to + size - sizeof tail, &tail, sizeof tail);
    return high_bits(either(head, tail));
}

// size <= kShortText. 0: all of it is ASCII; a caller that drops the answer makes the compiler drop the work for it.
// (No bool, which each size would make of it for itself.)
SPR_HOT_INLINE uint64_t copy_short(uint8_t* to, const char* from, size_t size) {
    if (size >= 16) return copy_ends<Sixteen>(to, from, size);
    if (size >= 8) return copy_ends<uint64_t>(to, from, size);
    if (size >= 4) return copy_ends<uint32_t>(to, from, size);
    if (size >= 2) return copy_ends<uint16_t>(to, from, size);
    if (size == 0) return 0;
    to[0] = static_cast<uint8_t>(from[0]);
    return to[0] & 0x80u;
}

// A key and its text that are short together: the lengths around them (tag, length, text, twice) take one byte each.
inline constexpr size_t kShortPair = 127 - 6;

template <size_t kSize>
[[gnu::always_inline]] inline void copy_sixteens(uint8_t* to, const void* from) {
    static_assert(kSize == 32 || kSize == 64);
    const auto copy = [&](size_t at) { memcpy(to + at, static_cast<const uint8_t*>(from) + at, 16); };
    copy(0);  // one by one: not every optimization unrolls a loop
    copy(16);
    if constexpr (kSize == 64) {
        copy(32);
        copy(48);
    }
}

// Copies a text of at most kShortPair bytes; whether it is ASCII is not asked. No loop, whose end would be such a guess
// as well.
SPR_HOT_INLINE void copy_value(uint8_t* to, const char* from, size_t size) {
    static_assert(kShortText == 32 && kShortPair <= 128);
    if (size <= kShortText) [[likely]] {
        copy_short(to, from, size);
    } else if (size <= 64) {
        copy_sixteens<32>(to, from);
        copy_sixteens<32>(to + size - 32, from + size - 32);
    } else {
        copy_sixteens<64>(to, from);
        copy_sixteens<64>(to + size - 64, from + size - 64);
    }
}

}  // namespace spanring::trace
