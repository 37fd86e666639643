// SPDX-License-Identifier: Apache-2.0
//
// Characters of a text that may be anything: UTF-8 as Unicode defines it, without surrogates, overlong forms and what
// is above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace spanring::agent {

struct Character {
    size_t bytes = 1;
    uint32_t point = 0;
    bool valid = false;  // else one byte that is in no sequence
};

// `text` is not empty.
Character first_character(std::string_view text);

// Whether it has a look of its own: not a control, nothing that joins, hides, turns the direction of writing or ends a
// line, nothing without an agreed look. Of an ASCII character: from the blank to the tilde.
bool is_visible(const Character& character);

bool is_utf8(std::string_view text);

}  // namespace spanring::agent
