// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

namespace spanring::trace {

// Eight bytes at a time, the last eight overlapping: what nearly every key and name is.
inline bool is_ascii(const char* text, size_t size) {
    constexpr uint64_t kHigh = 0x8080808080808080;
    uint64_t bits = 0;
    if (size < 8) {
        for (size_t i = 0; i < size; ++i) bits |= static_cast<uint8_t>(text[i]);
        return (bits & 0x80) == 0;
    }
    uint64_t eight;
    for (size_t i = 0; i + 8 < size; i += 8) {
        memcpy(&eight, text + i, 8);
        bits |= eight;
    }
    memcpy(&eight, text + size - 8, 8);
    return ((bits | eight) & kHigh) == 0;
}

bool is_utf8_beyond_ascii(const char* text, size_t size);

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
inline bool is_utf8(const char* text, size_t size) { return is_ascii(text, size) || is_utf8_beyond_ascii(text, size); }

// Bytes of the first `count` characters. A byte that is part of none counts as one: so many the agent makes of it.
size_t first_characters(const char* text, size_t size, size_t count);

// The most bytes up to `most`, which is less than there are, that end between two characters.
size_t whole_characters(const char* text, size_t size, size_t most);

// Each byte that is part of no character becomes '?', as the agent does it.
void repair_utf8(uint8_t* text, size_t size);

}  // namespace spanring::trace
