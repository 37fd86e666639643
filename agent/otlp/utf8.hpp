// SPDX-License-Identifier: Apache-2.0
//
// UTF-8 as Unicode defines it (no surrogates, no overlong forms, nothing above U+10FFFF): what C++ protobuf demands of
// every string, or it refuses the whole request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace spanring::agent {

// Bytes up to `limit` may be read, so that short strings need no loop.
inline bool is_ascii(const uint8_t* at, size_t size, const uint8_t* limit) {
    constexpr uint64_t kHigh = 0x8080808080808080;
    const auto word = [](const uint8_t* from) {
        uint64_t value = 0;
        std::memcpy(&value, from, 8);
        return value;
    };
    if (size >= 8) {
        uint64_t all = word(at) | word(at + size - 8);  // overlapping
        for (size_t i = 8; i + 8 < size; i += 8) all |= word(at + i);
        return (all & kHigh) == 0;
    }
    if (limit - at >= 8) [[likely]]
        return (word(at) & kHigh & ((uint64_t{1} << (8 * size)) - 1)) == 0;
    uint8_t all = 0;
    for (size_t i = 0; i < size; ++i) all |= at[i];
    return all < 0x80;
}

// Each byte that is in no valid sequence becomes '?'. True: there was one.
bool repair_utf8(std::span<uint8_t> text);

}  // namespace spanring::agent
