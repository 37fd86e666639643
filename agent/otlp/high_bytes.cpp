// SPDX-License-Identifier: Apache-2.0
//
// All vectors alike: a lane counts the top bits of its column, up to 255 of them, then the lanes are added up. What is
// left at the end is counted in the last whole vector, which overlaps the one before; what was counted is masked.
#include "otlp/high_bytes.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace spanring::agent {

namespace {

constexpr size_t kMostRounds = 255;  // before a lane of 8 bits overflows

size_t count_portable(const uint8_t* at, size_t size) {
    constexpr uint64_t kOnes = 0x0101010101010101;
    size_t count = 0;
    for (; size >= 8; at += 8, size -= 8) {
        uint64_t word = 0;
        std::memcpy(&word, at, 8);
        count += ((word >> 7 & kOnes) * kOnes) >> 56;  // the sum of all eight, at most 8, in the uppermost byte
    }
    for (; size != 0; --size) count += *at++ >> 7;
    return count;
}

// A vector of N bytes at &kMask[32 - N + left] has ones in its last `left` bytes.
[[maybe_unused]] alignas(64) constexpr auto kMask = [] {
    std::array<uint8_t, 64> mask{};
    std::fill(mask.begin() + 32, mask.end(), 0xff);
    return mask;
}();

#if defined(__SSE2__)

__m128i load16(const uint8_t* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); }

size_t count_sse2(const uint8_t* at, size_t size) {
    if (size < 16) return count_portable(at, size);
    const __m128i zero = _mm_setzero_si128();
    const uint8_t* const end = at + size;
    const size_t left = size % 16;
    const __m128i rest = _mm_and_si128(load16(end - 16), load16(&kMask[16 + left]));
    __m128i total = _mm_sad_epu8(_mm_sub_epi8(zero, _mm_cmpgt_epi8(zero, rest)), zero);
    for (size_t vectors = size / 16; vectors != 0;) {
        __m128i even = zero, odd = zero;  // two, so that no addition waits for the one before
        size_t pairs = std::min(vectors / 2, kMostRounds);
        vectors -= 2 * pairs;
        for (; pairs != 0; --pairs, at += 32) {
            even = _mm_sub_epi8(even, _mm_cmpgt_epi8(zero, load16(at)));
            odd = _mm_sub_epi8(odd, _mm_cmpgt_epi8(zero, load16(at + 16)));
        }
        total = _mm_add_epi64(total, _mm_add_epi64(_mm_sad_epu8(even, zero), _mm_sad_epu8(odd, zero)));
        if (vectors != 1) continue;
        total = _mm_add_epi64(total, _mm_sad_epu8(_mm_sub_epi8(zero, _mm_cmpgt_epi8(zero, load16(at))), zero));
        break;
    }
    return static_cast<size_t>(_mm_cvtsi128_si64(_mm_add_epi64(total, _mm_unpackhi_epi64(total, total))));
}

[[gnu::target("avx2")]] __m256i load32(const uint8_t* at) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
}

[[gnu::target("avx2")]] size_t count_avx2(const uint8_t* at, size_t size) {
    if (size < 32) return count_sse2(at, size);
    const __m256i zero = _mm256_setzero_si256();
    const uint8_t* const end = at + size;
    const size_t left = size % 32;
    const __m256i rest = _mm256_and_si256(load32(end - 32), load32(&kMask[left]));
    __m256i total = _mm256_sad_epu8(_mm256_sub_epi8(zero, _mm256_cmpgt_epi8(zero, rest)), zero);
    for (size_t vectors = size / 32; vectors != 0;) {
        __m256i lanes = zero;
        size_t rounds = std::min(vectors, kMostRounds);
        vectors -= rounds;
        for (; rounds != 0; --rounds, at += 32) lanes = _mm256_sub_epi8(lanes, _mm256_cmpgt_epi8(zero, load32(at)));
        total = _mm256_add_epi64(total, _mm256_sad_epu8(lanes, zero));
    }
    const __m128i half = _mm_add_epi64(_mm256_castsi256_si128(total), _mm256_extracti128_si256(total, 1));
    return static_cast<size_t>(_mm_cvtsi128_si64(_mm_add_epi64(half, _mm_unpackhi_epi64(half, half))));
}

#elif defined(__aarch64__)

size_t count_neon(const uint8_t* at, size_t size) {
    if (size < 16) return count_portable(at, size);
    const uint8_t* const end = at + size;
    const size_t left = size % 16;
    size_t total = vaddlvq_u8(vshrq_n_u8(vandq_u8(vld1q_u8(end - 16), vld1q_u8(&kMask[16 + left])), 7));
    for (size_t vectors = size / 16; vectors != 0;) {
        uint8x16_t lanes = vdupq_n_u8(0);
        size_t rounds = std::min(vectors, kMostRounds);
        vectors -= rounds;
        for (; rounds != 0; --rounds, at += 16) lanes = vsraq_n_u8(lanes, vld1q_u8(at), 7);
        total += vaddlvq_u8(lanes);
    }
    return total;
}

#endif

}  // namespace

CountHighBytes count_high_bytes_with(InstructionSet set) {
    switch (set) {
        case InstructionSet::kPortable: return count_portable;
#if defined(__SSE2__)
        case InstructionSet::kSse2: return count_sse2;
        case InstructionSet::kAvx2: return __builtin_cpu_supports("avx2") != 0 ? count_avx2 : nullptr;
#elif defined(__aarch64__)
        case InstructionSet::kNeon: return count_neon;
#endif
        default: return nullptr;
    }
}

CountHighBytes fastest_count_of_high_bytes() {
    static const CountHighBytes fastest = [] {
        using enum InstructionSet;
        for (const InstructionSet set : {kAvx2, kSse2, kNeon}) {
            if (const CountHighBytes count = count_high_bytes_with(set)) return count;
        }
        return count_high_bytes_with(kPortable);
    }();
    return fastest;
}

}  // namespace spanring::agent
