// SPDX-License-Identifier: Apache-2.0
#include "base/character.hpp"

#include <array>

namespace spanring::agent {

namespace {

struct Range {
    uint32_t first, last;
};

// Controls, what joins, hides or turns, separators of lines, fillers, variation selectors, tags, what is not a
// character and what has no agreed look (private use).
constexpr Range kInvisible[] = {
    {0, 0x1f},        {0x7f, 0x9f},       {0xad, 0xad},       {0x034f, 0x034f},   {0x061c, 0x061c}, {0x115f, 0x1160},
    {0x17b4, 0x17b5}, {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f}, {0x3164, 0x3164},
    {0xe000, 0xf8ff}, {0xfdd0, 0xfdef},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0}, {0xfff0, 0xfffb},
    {0xfffe, 0xffff}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff}};

}  // namespace

Character first_character(std::string_view text) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
    const uint8_t lead = byte(0);
    if (lead < 0x80) return {1, lead, true};
    const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
    if (length == 0 || lead > 0xf4 || text.size() < length) return {};
    uint32_t point = lead & (0x7f >> length);
    for (size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return {};
        point = point << 6 | (byte(i) & 0x3f);
    }
    constexpr std::array<uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = point >= 0xd800 && point < 0xe000;
    if (point < kLeast[length] || point > 0x10ffff || surrogate) return {};
    return {length, point, true};
}

bool is_visible(const Character& character) {
    if (!character.valid) return false;
    if (character.point >= ' ' && character.point <= '~') return true;  // most of all text
    for (const Range& range : kInvisible) {
        if (character.point >= range.first && character.point <= range.last) return false;
    }
    return true;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const Character character = first_character(text);
        if (!character.valid) return false;
        text.remove_prefix(character.bytes);
    }
    return true;
}

}  // namespace spanring::agent
