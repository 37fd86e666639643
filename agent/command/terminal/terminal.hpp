// SPDX-License-Identifier: Apache-2.0
//
// What the terminal can show, and text that fits into it. Whatever came from a process is shown through printable():
// a span's name must not move the cursor.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace spanring::agent {

enum class Colour { kPlain, kBold, kDim, kRed, kGreen, kYellow, kBlue, kMagenta, kCyan };

struct Terminal {
    bool colours = false;
    bool unicode = true;
    int width = 100;

    // Of stdout: colours on a terminal without NO_COLOR, or as `colour` says ("auto", "always", "never"); the width
    // from the terminal, else COLUMNS, else 100.
    static Terminal detect(const std::string& colour, bool ascii);

    std::string paint(Colour colour, std::string_view text) const;
};

// What cannot be seen and bytes that are not UTF-8 become '?'.
std::string printable(std::string_view text);

// Cells that a text takes; wide characters take two. `text` is printable.
size_t cells(std::string_view text);

// Cut with an ellipsis where it is too long, filled with blanks where it is too short: exactly `width` cells.
std::string fit_left(std::string_view text, size_t width, bool unicode);
std::string fit_right(std::string_view text, size_t width, bool unicode);  // blanks in front
std::string shorten(std::string_view text, size_t width, bool unicode);    // cut only

std::string repeat(std::string_view piece, size_t count);

}  // namespace spanring::agent
