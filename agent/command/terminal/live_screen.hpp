// SPDX-License-Identifier: Apache-2.0
//
// The terminal while a text is drawn on it again and again: the alternate screen, with no cursor, and with no echo of
// what is typed. What was there before is there again afterwards.
#pragma once

#include <termios.h>

#include <optional>
#include <string>
#include <string_view>

namespace spanring::agent {

class LiveScreen {
public:
    LiveScreen() { enter(); }  // stdout is a terminal
    ~LiveScreen() { leave(); }
    LiveScreen(const LiveScreen&) = delete;
    LiveScreen& operator=(const LiveScreen&) = delete;

    void enter();
    void leave();

    // Lines, cut at the right where they are too long. Of more than there is room for the last ones are left out, which
    // the last row says.
    void draw(std::string_view text) const;

private:
    std::optional<termios> before_;  // of stdin, where that is the terminal as well
};

// What is drawn for a text on so many rows.
std::string picture(std::string_view text, size_t rows);

}  // namespace spanring::agent
