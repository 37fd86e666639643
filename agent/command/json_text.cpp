// SPDX-License-Identifier: Apache-2.0
#include "command/json_text.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/character.hpp"

namespace spanring::agent {
namespace {

void append_escape(std::string& text, uint32_t unit) {
    char escape[16];
    std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(unit));
    text += escape;
}

// As UTF-16, which is what an escape names.
void append_escaped(std::string& text, uint32_t point) {
    constexpr uint32_t kSupplementary = 0x10000;
    if (point < kSupplementary) return append_escape(text, point);
    append_escape(text, 0xd800 + ((point - kSupplementary) >> 10));
    append_escape(text, 0xdc00 + ((point - kSupplementary) & 0x3ff));
}

}  // namespace

std::string json_text(const nlohmann::ordered_json& json) {
    // What is beyond ASCII, and DEL, can be inside of a string only; the other controls are escaped already.
    const std::string whole = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    std::string text;
    text.reserve(whole.size());
    for (std::string_view rest = whole; !rest.empty();) {
        const auto special = std::find_if(rest.begin(), rest.end(), [](char byte) { return byte < ' ' || byte > '~'; });
        const auto plain = static_cast<size_t>(special - rest.begin());
        if (plain != 0) {
            text += rest.substr(0, plain);
            rest.remove_prefix(plain);
            continue;
        }
        const Character character = first_character(rest);
        if (is_visible(character))
            text += rest.substr(0, character.bytes);
        else
            append_escaped(text, character.point);
        rest.remove_prefix(character.bytes);
    }
    return text;
}

}  // namespace spanring::agent
