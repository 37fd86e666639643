// SPDX-License-Identifier: Apache-2.0
#include "base/foreign_text.hpp"

#include "base/character.hpp"

namespace spanring::agent {

namespace {

bool is_space(const Character& character) {
    return character.point == ' ' || (character.point >= '\t' && character.point <= '\r');
}

// What stands for `character`, which is at the beginning of `text`.
std::string_view shown(const Character& character, std::string_view text) {
    return is_visible(character) ? text.substr(0, character.bytes) : std::string_view("?");
}

constexpr std::string_view kEllipsis = "…";

}  // namespace

std::string foreign(std::string_view text, size_t most) {
    std::string result;
    size_t count = 0;
    bool space = false;
    while (!text.empty()) {
        const Character character = first_character(text);
        if (character.valid && is_space(character)) {
            space = !result.empty();
        } else {
            if (count + (space ? 1 : 0) >= most) return result + std::string(kEllipsis);
            if (space) result += ' ';
            result += shown(character, text);
            count += space ? 2 : 1;
            space = false;
        }
        text.remove_prefix(character.bytes);
    }
    return result;
}

std::string visible_line(std::string_view line, size_t most) {
    std::string result;
    for (size_t count = 0; !line.empty(); ++count) {
        if (count == most) return result + std::string(kEllipsis);
        const Character character = first_character(line);
        result += shown(character, line);
        line.remove_prefix(character.bytes);
    }
    return result;
}

}  // namespace spanring::agent
