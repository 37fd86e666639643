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

// memcpy without the call for what attributes are made of: keys and short values. Reads and writes only the `size` bytes.
inline void copy_short(uint8_t* to, const void* from, size_t size) {
    const uint8_t* bytes = static_cast<const uint8_t*>(from);
    const auto ends = [&]<class Word>(Word head) {  // two words that overlap in the middle
        Word tail;
        memcpy(&head, bytes, sizeof head);
        memcpy(&tail, bytes + size - sizeof tail, sizeof tail);
        memcpy(to, &head, sizeof head);
        memcpy(to + size - sizeof tail, &tail, sizeof tail);
    };
    struct Sixteen {
        uint64_t halves[2];
    };
    if (size > 32) [[unlikely]]
        memcpy(to, from, size);
    else if (size >= 16)
        ends(Sixteen{});
    else if (size >= 8)
        ends(uint64_t{0});
    else if (size >= 4)
        ends(uint32_t{0});
    else
        for (size_t i = 0; i < size; ++i) to[i] = bytes[i];
}

}  // namespace spanring::trace
