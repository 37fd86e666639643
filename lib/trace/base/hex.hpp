// SPDX-License-Identifier: Apache-2.0
//
// Lower-case hexadecimal, eight digits at a time in one register: what ids are made of in every header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace spanring::trace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first digit is taken for the lowest byte");

inline constexpr uint64_t kEachByte = 0x0101010101010101;

// A value below 16 in each byte, as digits: '0' + value, and for 10 and above 39 more, which leads to 'a'.
inline uint64_t hex_digits(uint64_t values) {
    const uint64_t letters = ((values + kEachByte * 6) >> 4) & kEachByte;
    return values + kEachByte * '0' + letters * 39;
}

// Size is a number of bytes, twice as many digits. Returns the end.
template <size_t Size>
[[gnu::always_inline]] inline char* put_hex(char* to, const uint8_t* from) {
    if constexpr (Size % 4 == 0) {
        for (size_t i = 0; i < Size; i += 4) {
            uint32_t bytes;
            memcpy(&bytes, from + i, sizeof bytes);
            // One byte to each sixteen bits, then its high half in front of its low one.
            uint64_t spread = (uint64_t{bytes} | uint64_t{bytes} << 16) & 0x0000ffff0000ffff;
            spread = (spread | spread << 8) & 0x00ff00ff00ff00ff;
            const uint64_t digits = hex_digits((spread >> 4 | spread << 8) & 0x0f0f0f0f0f0f0f0f);
            memcpy(to + 2 * i, &digits, sizeof digits);
        }
    } else {
        static_assert(Size == 1);
        const uint64_t digits = hex_digits(uint64_t{*from} >> 4 | (uint64_t{*from} & 15) << 8);
        memcpy(to, &digits, 2);
    }
    return to + 2 * Size;
}

// Without vectors sixteen digits are 1.5 KB of code (32-bit x86), and a header has three times as many.
#if defined(__SSE2__) || defined(__ARM_NEON)
#define SPR_SIXTEEN_DIGITS gnu::always_inline
#else
#define SPR_SIXTEEN_DIGITS gnu::noinline
#endif

// What was read, and whether it was what it ought to be. Sixteen digits at a time in a vector of the compiler's (SSE2,
// NEON, or plain words where there is neither); all stays in registers until it is known to be good.
class HexReader {
public:
    // Sixteen digits are eight bytes, in the order of memory.
    [[SPR_SIXTEEN_DIGITS]] uint64_t eight(const char* from) {
        Digits digits;
        memcpy(&digits, from, sizeof digits);
        const Digits letters = reinterpret_cast<Digits>(reinterpret_cast<Signed>(digits) >= 'a');
        const Digits values = digits - '0' - (letters & 39);
        // A letter is 10 or more and nothing else is; none is 16 or more. Compared with their sign, which SSE2 can do;
        // what is negative then is 16 or more.
        wrong_ |= (reinterpret_cast<Digits>(reinterpret_cast<Signed>(values) >= 10) ^ letters) | (values & 0xf0);
        const Words halves = reinterpret_cast<Words>(values);
        const Words bytes = (halves << 4 | halves >> 8) & 0xff;
        return reinterpret_cast<uint64_t>(__builtin_convertvector(bytes, Bytes));
    }
    // Two digits.
    [[gnu::always_inline]] uint64_t one(const char* from) {
        const int high = value_of(from[0]), low = value_of(from[1]);
        bad_ |= high | low;
        return static_cast<uint64_t>((high << 4 | low) & 0xff);
    }
    // Everything was lower-case hexadecimal.
    [[gnu::always_inline]] bool good() const {
        uint64_t halves[2];
        memcpy(halves, &wrong_, sizeof halves);
        return (halves[0] | halves[1]) == 0 && bad_ >= 0;
    }

private:
    typedef uint8_t Digits __attribute__((vector_size(16)));
    typedef int8_t Signed __attribute__((vector_size(16)));
    typedef uint16_t Words __attribute__((vector_size(16)));
    typedef uint8_t Bytes __attribute__((vector_size(8)));

    static int value_of(char c) {
        if (c >= '0' && c <= '9') return c - '0';
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    }

    Digits wrong_ = {};
    int bad_ = 0;
};

}  // namespace spanring::trace
