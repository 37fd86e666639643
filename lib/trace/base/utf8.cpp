// SPDX-License-Identifier: Apache-2.0
#include "trace/base/utf8.hpp"

namespace spanring::trace {
namespace {

// Bytes of the character that begins at `at`, which is not the end; 0: none does.
size_t character_size(const uint8_t* at, const uint8_t* end) {
    const uint8_t lead = at[0];
    if (lead < 0x80) return 1;
    const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || end - at <= more) return 0;
    const uint8_t second = at[1];
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) || (lead == 0xf0 && second < 0x90) ||
        (lead == 0xf4 && second > 0x8f))
        return 0;
    for (int i = 1; i <= more; ++i)
        if ((at[i] & 0xc0) != 0x80) return 0;
    return static_cast<size_t>(more) + 1;
}

}  // namespace

bool is_utf8_beyond_ascii(const char* text, size_t size) {
    const uint8_t* at = reinterpret_cast<const uint8_t*>(text);
    const uint8_t* const end = at + size;
    while (at != end) {
        const size_t character = character_size(at, end);
        if (character == 0) return false;
        at += character;
    }
    return true;
}

void repair_utf8(uint8_t* text, size_t size) {
    uint8_t* const end = text + size;
    for (uint8_t* at = text; at != end;) {
        const size_t character = character_size(at, end);
        if (character == 0) *at = '?';
        at += character != 0 ? character : 1;
    }
}

size_t whole_characters(const char* text, size_t size, size_t most) {
    const uint8_t* const begin = reinterpret_cast<const uint8_t*>(text);
    for (size_t back = 1; back <= 3 && back <= most; ++back)
        if (character_size(begin + most - back, begin + size) > back) return most - back;
    return most;
}

size_t first_characters(const char* text, size_t size, size_t count) {
    const uint8_t* const begin = reinterpret_cast<const uint8_t*>(text);
    const uint8_t* const end = begin + size;
    const uint8_t* at = begin;
    for (; at != end && count != 0; --count) {
        const size_t character = character_size(at, end);
        at += character != 0 ? character : 1;
    }
    return static_cast<size_t>(at - begin);
}

}  // namespace spanring::trace
