// SPDX-License-Identifier: Apache-2.0
#include "command/terminal/terminal.hpp"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <clocale>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/character.hpp"
#include "base/foreign_text.hpp"

namespace spanring::agent {
namespace {

constexpr int kDefaultWidth = 100;
constexpr int kLeastWidth = 60;

const char* code_of(Colour colour) {
    switch (colour) {
        case Colour::kPlain: return "0";
        case Colour::kBold: return "1";
        case Colour::kDim: return "2";
        case Colour::kRed: return "31";
        case Colour::kGreen: return "32";
        case Colour::kYellow: return "33";
        case Colour::kBlue: return "34";
        case Colour::kMagenta: return "35";
        case Colour::kCyan: return "36";
    }
    return "0";
}

// Plain ASCII only where the user chose a character set that is not UTF-8; an unset locale says nothing of the screen.
bool utf8_locale() {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const char* value = std::getenv(name);
        if (value == nullptr || *value == '\0') continue;
        if (std::strcmp(value, "C") == 0 || std::strcmp(value, "POSIX") == 0) return true;
        const locale_t locale = ::newlocale(LC_CTYPE_MASK, "", nullptr);  // that of the program stays as it is
        if (locale == nullptr) return true;
        const bool utf8 = std::strcmp(::nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
        ::freelocale(locale);
        return utf8;
    }
    return true;
}

int terminal_width() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    if (const char* columns = std::getenv("COLUMNS"); columns != nullptr && std::atoi(columns) > 0) {
        return std::atoi(columns);
    }
    return kDefaultWidth;
}

struct Range {
    uint32_t first, last;
};

// East Asian wide and emoji; combining marks. Coarse: what names of spans contain.
constexpr Range kWide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x33ff},  {0x3400, 0x4dbf},
                           {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xac00, 0xd7a3},  {0xf900, 0xfaff},
                           {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},  {0x1f300, 0x1f64f},
                           {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff}, {0x20000, 0x3fffd}};
constexpr Range kNone[] = {{0x0300, 0x036f}, {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}};

template <size_t N>
bool is_in(const Range (&ranges)[N], uint32_t point) {
    for (const Range& range : ranges) {
        if (point >= range.first && point <= range.last) return true;
    }
    return false;
}

size_t width_of(uint32_t point) {
    if (point >= ' ' && point <= '~') return 1;  // most of all text
    return is_in(kNone, point) ? 0 : is_in(kWide, point) ? 2 : 1;
}

}  // namespace

Terminal Terminal::detect(const std::string& colour, bool ascii) {
    Terminal terminal;
    const char* no_colour = std::getenv("NO_COLOR");
    const char* kind = std::getenv("TERM");
    const bool able = ::isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0') &&
                      (kind == nullptr || std::strcmp(kind, "dumb") != 0);
    terminal.colours = colour == "always" || (colour != "never" && able);
    terminal.unicode = !ascii && utf8_locale();
    terminal.width = std::max(kLeastWidth, terminal_width());
    return terminal;
}

std::string Terminal::paint(Colour colour, std::string_view text) const {
    if (!colours || colour == Colour::kPlain || text.empty()) return std::string(text);
    return "\033[" + std::string(code_of(colour)) + "m" + std::string(text) + "\033[0m";
}

std::string printable(std::string_view text) { return visible_line(text, std::string_view::npos); }

size_t cells(std::string_view text) {
    size_t width = 0;
    while (!text.empty()) {
        const Character character = first_character(text);
        width += character.valid ? width_of(character.point) : 1;
        text.remove_prefix(character.bytes);
    }
    return width;
}

std::string shorten(std::string_view text, size_t width, bool unicode) {
    if (cells(text) <= width) return std::string(text);
    const std::string_view mark = unicode ? "…" : ".";
    if (width == 0) return {};
    std::string result;
    size_t used = 0;
    while (!text.empty()) {
        const Character character = first_character(text);
        const size_t wide = character.valid ? width_of(character.point) : 1;
        if (used + wide > width - 1) break;
        result += text.substr(0, character.bytes);
        used += wide;
        text.remove_prefix(character.bytes);
    }
    return result + std::string(mark);
}

std::string fit_left(std::string_view text, size_t width, bool unicode) {
    std::string result = shorten(text, width, unicode);
    return result + std::string(width - std::min(width, cells(result)), ' ');
}

std::string fit_right(std::string_view text, size_t width, bool unicode) {
    const std::string result = shorten(text, width, unicode);
    return std::string(width - std::min(width, cells(result)), ' ') + result;
}

std::string repeat(std::string_view piece, size_t count) {
    std::string result;
    for (size_t i = 0; i < count; ++i) result += piece;
    return result;
}

}  // namespace spanring::agent
