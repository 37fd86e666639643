// SPDX-License-Identifier: Apache-2.0
#include "trace/utf8.hpp"

namespace spanring::trace {

bool is_utf8_beyond_ascii(const char* text, size_t size) {
    const uint8_t* at = reinterpret_cast<const uint8_t*>(text);
    const uint8_t* end = at + size;
    while (at != end) {
        const uint8_t lead = *at++;
        if (lead < 0x80) continue;
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
