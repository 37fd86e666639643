// SPDX-License-Identifier: Apache-2.0
#include "command/terminal/live_screen.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace spanring::agent {
namespace {

// Alternate screen, no cursor, no wrap at the right; and back. xterm's, which every terminal of today knows.
constexpr std::string_view kEnter = "\033[?1049h\033[?25l\033[?7l";
constexpr std::string_view kLeave = "\033[?7h\033[?25h\033[?1049l";
constexpr std::string_view kHome = "\033[H";
constexpr std::string_view kClearLine = "\033[K";
constexpr std::string_view kClearBelow = "\033[J";
constexpr size_t kDefaultRows = 24;

// A terminal that is gone takes nothing, and its SIGHUP ends the command.
void write_all(std::string_view text) {
    while (!text.empty()) {
        const ssize_t size = ::write(STDOUT_FILENO, text.data(), text.size());
        if (size < 0 && errno != EINTR) return;
        text.remove_prefix(static_cast<size_t>(std::max<ssize_t>(size, 0)));
    }
}

size_t rows_of_terminal() {
    winsize size{};
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : kDefaultRows;
}

// In the background the terminal's settings are somebody else's, and touching them would stop this process.
bool owns_input() { return ::isatty(STDIN_FILENO) == 1 && ::tcgetpgrp(STDIN_FILENO) == ::getpgrp(); }

}  // namespace

std::string picture(std::string_view text, size_t rows) {
    const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
    const size_t shown = lines > rows ? rows - 1 : lines;
    std::string result(kHome);
    for (size_t i = 0; i < shown; ++i) {
        const size_t end = text.find('\n');
        // Before the text: after one that fills the row it would take its last character.
        result.append(kClearLine).append(text.substr(0, end));
        if (i + 1 < rows) result += "\r\n";
        text.remove_prefix(end + 1);
    }
    if (shown < lines)
        result.append(kClearLine).append(std::to_string(lines - shown) + " more lines");
    else if (lines < rows)
        result.append(kClearBelow);
    return result;
}

void LiveScreen::enter() {
    if (owns_input()) {
        termios settings{};
        if (::tcgetattr(STDIN_FILENO, &settings) == 0) {
            before_ = settings;
            settings.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON);  // Ctrl-C and Ctrl-Z still are signals
            ::tcsetattr(STDIN_FILENO, TCSADRAIN, &settings);
        }
    }
    write_all(kEnter);
}

void LiveScreen::leave() {
    write_all(kLeave);
    if (before_ && owns_input()) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &*before_);  // what was typed is for nobody
    before_.reset();
}

void LiveScreen::draw(std::string_view text) const { write_all(picture(text, rows_of_terminal())); }

}  // namespace spanring::agent
