// SPDX-License-Identifier: Apache-2.0
#include "command/live/top_screen.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdio>

#define NCURSES_NOMACROS 1
#include <curses.h>

namespace spanring::agent {
namespace {

constexpr int kEscapeDelay = 25;  // ms, in which the rest of a key's sequence comes

short pair_of(Colour colour) {
    switch (colour) {
        case Colour::kRed: return COLOR_RED;
        case Colour::kGreen: return COLOR_GREEN;
        case Colour::kYellow: return COLOR_YELLOW;
        case Colour::kBlue: return COLOR_BLUE;
        case Colour::kMagenta: return COLOR_MAGENTA;
        case Colour::kCyan: return COLOR_CYAN;
        default: return 0;
    }
}

class NcursesScreen : public TopScreen {
public:
    NcursesScreen(SCREEN* screen, bool colours, bool unicode) : screen_(screen), unicode_(unicode) {
        ::cbreak();  // Ctrl-C and Ctrl-Z still are signals
        ::noecho();
        ::nonl();
        ::keypad(stdscr, TRUE);
        ::nodelay(stdscr, TRUE);
        ::set_escdelay(kEscapeDelay);
        ::curs_set(0);
        colours_ = colours && ::has_colors() && ::start_color() == OK;
        if (!colours_) return;
        ::use_default_colors();
        for (short colour = COLOR_RED; colour <= COLOR_CYAN; ++colour) ::init_pair(colour, colour, -1);
    }
    ~NcursesScreen() override {
        ::endwin();
        ::delscreen(screen_);
    }
    NcursesScreen(const NcursesScreen&) = delete;
    NcursesScreen& operator=(const NcursesScreen&) = delete;

    size_t rows() const override { return static_cast<size_t>(std::max(LINES, 1)); }

    void draw(const std::vector<TopView::Line>& lines) override {
        ::werase(stdscr);
        for (size_t row = 0; row < lines.size() && row < rows(); ++row) {
            ::wmove(stdscr, static_cast<int>(row), 0);
            auto room = static_cast<size_t>(COLS);
            for (const Table::Cell& piece : lines[row]) {
                const std::string text = shorten(piece.text, room, unicode_);
                room -= std::min(room, cells(text));
                add(text, piece.colour);
            }
        }
        ::wrefresh(stdscr);
    }

    int key() override {
        const int key = ::wgetch(stdscr);
        switch (key) {
            case ERR: return -1;
            case KEY_UP: return kKeyUp;
            case KEY_DOWN: return kKeyDown;
            case KEY_PPAGE: return kKeyPageUp;
            case KEY_NPAGE: return kKeyPageDown;
            case KEY_ENTER:
            case '\r':
            case '\n': return kKeyEnter;
            case KEY_BACKSPACE:
            case 8:
            case 127: return kKeyErase;
            case 27: return kKeyEscape;
            default: return key < 0x100 ? key : 0;  // any other key says nothing
        }
    }

    void resized() override {
        winsize size{};
        if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
            ::resizeterm(size.ws_row, size.ws_col);
        ::clearok(stdscr, TRUE);
    }

    void leave() override { ::endwin(); }

private:
    void add(const std::string& text, Colour colour) {
        attr_t attributes = colour == Colour::kBold ? A_BOLD : colour == Colour::kDim ? A_DIM : A_NORMAL;
        const short pair = colours_ ? pair_of(colour) : short{0};
        ::wattr_set(stdscr, attributes, pair, nullptr);
        if (unicode_) {
            ::waddnstr(stdscr, text.c_str(), -1);
        } else {
            std::string plain = text;
            std::replace_if(
                plain.begin(), plain.end(), [](char c) { return (c & 0x80) != 0; }, '?');
            ::waddnstr(stdscr, plain.c_str(), -1);
        }
    }

    SCREEN* const screen_;
    const bool unicode_;
    bool colours_ = false;
};

}  // namespace

const bool kHasNcurses = true;

std::unique_ptr<TopScreen> TopScreen::open(bool colours, bool unicode) {
    // ncurses writes what the locale has; an unset one says nothing of the terminal.
    const bool utf8 = unicode && std::setlocale(LC_CTYPE, "C.UTF-8") != nullptr;
    SCREEN* screen = ::newterm(nullptr, stdout, stdin);
    if (screen == nullptr) return nullptr;
    return std::make_unique<NcursesScreen>(screen, colours, utf8);
}

}  // namespace spanring::agent
