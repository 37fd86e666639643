// SPDX-License-Identifier: Apache-2.0
//
// Which keys are there: as 64 bits of a filter, and as tags of sixteen bits, all compared at once. A clear bit, or no
// equal tag, proves that a key is new.
//
// Most spans that come to a slot have the keys of the one before, in the same order. So the tags that it left stay
// there: where the next one is the next key's, that is new if those before it were all found likewise, or written anew,
// for no two of them are equal. Behind one that is written comes 0, which is no key's: what lies beyond that is of
// other spans, and proves nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "trace/base/hot_path.hpp"

namespace spanring::trace {

// Of a key that is not empty: of its size and both its ends (client.address and server.address are of one length and
// end alike).
class KeyHash {
public:
    SPR_HOT_INLINE KeyHash(const char* key, size_t size) {
        uint64_t head = 0, tail = 0;
        if (size >= 8) [[likely]] {
            memcpy(&head, key, 8);
            memcpy(&tail, key + size - 8, 8);
        } else if (size >= 4) {  // both halves, which may overlap, with the last character on top as above
            uint32_t first, last;
            memcpy(&first, key, 4);
            memcpy(&last, key + size - 4, 4);
            tail = uint64_t{last} << 32 | first;
        } else if (size >= 2) {
            uint16_t first, last;
            memcpy(&first, key, 2);
            memcpy(&last, key + size - 2, 2);
            tail = uint64_t{last} << 48 | uint64_t{first} << 32;
        } else {
            tail = uint64_t{static_cast<uint8_t>(*key)} << 56;
        }
        // The golden ratio of 64 bits: each bit of the key reaches those above it, and tag and place in the filter are
        // the highest (Knuth, multiplicative hashing). Of keys that differ in their last two characters alone no two
        // have the same (but for the bit that all tags have). The head is turned, so that equal bytes at both ends do
        // not cancel out.
        bits_ = (((head << 23 | head >> 41) ^ tail) + size) * 0x9e3779b97f4a7c15;
    }

    // Shifts by a variable twice, so that each is one instruction where there are bt and bts.
    bool is_in(uint64_t filter) const { return (filter >> (bits_ >> 58) & 1) != 0; }
    uint64_t added_to(uint64_t filter) const { return filter | uint64_t{1} << (bits_ >> 58); }
    uint16_t tag() const { return static_cast<uint16_t>(bits_ >> 48 | 1); }  // never 0, nor even
    // added_to() for the key of that tag.
    static uint64_t tag_added_to(uint64_t filter, uint16_t tag) { return filter | uint64_t{1} << (tag >> 10); }

private:
    uint64_t bits_;
};

// The tags of a slot, from the last place down. The first place has none: what is behind the last tag.
inline constexpr uint32_t kTags = 24;

// Written where the tag was not foreseen, in one store: at no instant does what was left follow on a new one.
inline void put_tag(uint16_t* tags, size_t place, uint16_t tag) {
    const uint32_t both = uint32_t{tag} << 16;
    memcpy(tags + place - 1, &both, sizeof both);
}

// One that another key of the span has, too. It is found, but does not foresee: without its lowest bit.
inline void put_second_tag(uint16_t* tags, size_t place, uint16_t tag) { put_tag(tags, place, tag & ~1u); }

// Which of the tags are that one, a bit each.
inline uint32_t equal_tags(const uint16_t* tags, uint16_t tag) {
#if defined(__SSE2__)
    const __m128i wanted = _mm_set1_epi16(static_cast<int16_t>(tag)), lowest = _mm_set1_epi16(1);
    const auto equal = [&](uint32_t part) {
        const __m128i some = _mm_loadu_si128(reinterpret_cast<const __m128i*>(tags) + part);
        return _mm_cmpeq_epi16(_mm_or_si128(some, lowest), wanted);
    };
    static_assert(kTags == 3 * 8);
    return static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(equal(0), equal(1)))) |
           static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(equal(2), _mm_setzero_si128()))) << 16;
#else
    uint32_t equal = 0;
    for (uint32_t i = 0; i < kTags; ++i) equal |= uint32_t{(tags[i] | 1u) == tag} << i;
    return equal;
#endif
}

class KeyFilter {
public:
    bool may_have(const char* key, size_t size) const { return KeyHash(key, size).is_in(bits_); }
    void add(const char* key, size_t size) { bits_ = KeyHash(key, size).added_to(bits_); }

private:
    uint64_t bits_ = 0;
};

}  // namespace spanring::trace
