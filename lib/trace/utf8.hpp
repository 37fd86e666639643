// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>

namespace spanring::trace {

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
inline bool is_utf8(const char* text, size_t size) {
    const uint8_t* at = reinterpret_cast<const uint8_t*>(text);
    const uint8_t* end = at + size;
    while (at != end) {
        uint64_t eight;
        if (end - at >= 8 && (memcpy(&eight, at, 8), (eight & 0x8080808080808080) == 0)) {
            at += 8;
            continue;
        }
        const uint8_t lead = *at++;
        if (lead < 0x80) [[likely]] continue;
        const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        if (lead < 0xc2 || lead > 0xf4 || end - at < more) return false;
        const uint8_t second = *at;
        if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) || (lead == 0xf0 && second < 0x90) ||
            (lead == 0xf4 && second > 0x8f))
            return false;
        for (int i = 0; i < more; ++i)
            if ((*at++ & 0xc0) != 0x80) return false;
    }
    return true;
}

}  // namespace spanring::trace
