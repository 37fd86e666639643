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

namespace spanring::trace {

inline constexpr size_t kShortText = 32;

// Sixteen bytes, and whether one of them has its highest bit set.
#if defined(__SSE2__)
using Sixteen = __m128i;
inline Sixteen either(Sixteen a, Sixteen b) { return _mm_or_si128(a, b); }
inline bool any_high(Sixteen bytes) { return _mm_movemask_epi8(bytes) != 0; }
#else
struct Sixteen {
    uint64_t halves[2];
};
inline Sixteen either(Sixteen a, Sixteen b) { return {{a.halves[0] | b.halves[0], a.halves[1] | b.halves[1]}}; }
inline bool any_high(Sixteen bytes) { return ((bytes.halves[0] | bytes.halves[1]) & 0x8080808080808080) != 0; }
#endif
inline uint64_t either(uint64_t a, uint64_t b) { return a | b; }
inline bool any_high(uint64_t bytes) { return (bytes & 0x8080808080808080) != 0; }
inline uint32_t either(uint32_t a, uint32_t b) { return a | b; }
inline bool any_high(uint32_t bytes) { return (bytes & 0x80808080) != 0; }

// The two words of a size class, copied. True: all of it is ASCII.
template <class Word>
inline bool copy_ends(uint8_t* to, const char* from, size_t size) {
    Word head, tail;
    memcpy(&head, from, sizeof head);
    memcpy(&tail, from + size - sizeof tail, sizeof tail);
    memcpy(to, &head, sizeof head);
    memcpy(to + size - sizeof tail, &tail, sizeof tail);
    return !any_high(either(head, tail));
}

// size <= kShortText. True: all of it is ASCII; a caller that drops the answer makes the compiler drop the work for it.
inline bool copy_short(uint8_t* to, const char* from, size_t size) {
    if (size >= 16) return copy_ends<Sixteen>(to, from, size);
    if (size >= 8) return copy_ends<uint64_t>(to, from, size);
    if (size >= 4) return copy_ends<uint32_t>(to, from, size);
    if (size == 0) return true;
    const char head = from[0], middle = from[size / 2], tail = from[size - 1];
    to[0] = static_cast<uint8_t>(head);
    to[size / 2] = static_cast<uint8_t>(middle);
    to[size - 1] = static_cast<uint8_t>(tail);
    return ((head | middle | tail) & 0x80) == 0;
}

// Copies a value of at most kShortValue bytes; whether it is ASCII is not asked.
inline constexpr size_t kShortValue = 88;
inline void copy_value(uint8_t* to, const char* from, size_t size) {
    if (size <= kShortText) [[likely]] {
        copy_short(to, from, size);
        return;
    }
    for (size_t i = 0; i + 16 < size; i += 16) memcpy(to + i, from + i, 16);
    memcpy(to + size - 16, from + size - 16, 16);
}

}  // namespace spanring::trace
