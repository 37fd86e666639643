// SPDX-License-Identifier: Apache-2.0
#include "otlp/utf8.hpp"

namespace spanring::agent {

namespace {

// Length of the valid sequence of 2 to 4 bytes at `at`, else 0. Unicode 15, table 3-7: only the second byte has bounds
// that depend on the first.
size_t sequence(const uint8_t* at, size_t left) {
    const uint8_t lead = at[0];
    const size_t size = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (size == 0 || size > left) return 0;
    const uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high) return 0;
    for (size_t i = 2; i < size; ++i) {
        if ((at[i] & 0xc0) != 0x80) return 0;
    }
    return size;
}

}  // namespace

bool repair_utf8(std::span<uint8_t> text) {
    bool repaired = false;
    for (size_t i = 0; i < text.size();) {
        if (text[i] < 0x80) {
            ++i;
        } else if (const size_t size = sequence(text.data() + i, text.size() - i); size != 0) {
            i += size;
        } else {
            text[i++] = '?';
            repaired = true;
        }
    }
    return repaired;
}

}  // namespace spanring::agent
