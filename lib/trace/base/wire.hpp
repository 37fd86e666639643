// SPDX-License-Identifier: Apache-2.0
//
// The few bytes of protobuf that a span needs. Writers write where the caller has made room.
#pragma once

#include <cstdint>
#include <cstring>

namespace spanring::trace {

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };
constexpr uint8_t tag(uint32_t field, WireType type) { return static_cast<uint8_t>(field << 3 | type); }  // field < 16

constexpr uint32_t varint_size(uint64_t value) {
    return value < 0x80 ? 1 : (static_cast<uint32_t>(63 - __builtin_clzll(value)) / 7 + 1);
}

inline uint8_t* put_varint(uint8_t* to, uint64_t value) {
    while (value >= 0x80) {
        *to++ = static_cast<uint8_t>(value) | 0x80;
        value >>= 7;
    }
    *to++ = static_cast<uint8_t>(value);
    return to;
}

// Writes a length of less than 16 KiB, without a loop.
constexpr uint32_t short_length_size(uint32_t length) { return length < 0x80 ? 1 : 2; }
inline constexpr uint32_t kShortLength = 1u << 14;
inline uint8_t* put_short_length(uint8_t* to, uint32_t length) {
    to[0] = static_cast<uint8_t>(length);
    if (length < 0x80) return to + 1;
    to[0] |= 0x80;
    to[1] = static_cast<uint8_t>(length >> 7);
    return to + 2;
}

// Little-endian like the wire; big-endian hosts are refused at compile time.
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
inline uint8_t* put_fixed64(uint8_t* to, uint64_t value) {
    memcpy(to, &value, sizeof value);
    return to + sizeof value;
}
inline uint8_t* put_fixed32(uint8_t* to, uint32_t value) {
    memcpy(to, &value, sizeof value);
    return to + sizeof value;
}

}  // namespace spanring::trace
