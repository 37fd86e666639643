// SPDX-License-Identifier: Apache-2.0
//
// The terminal of `spanring top`: keys and pictures, by ncurses. The only file that knows it is top_screen.cpp; where
// there is no ncurses no_top_screen.cpp stands in.
#pragma once

#include <memory>
#include <vector>

#include "command/live/top_view.hpp"

namespace spanring::agent {

class TopScreen {
public:
    // Null: this program was built without ncurses, or the terminal's kind (TERM) is not known to it.
    static std::unique_ptr<TopScreen> open(bool colours, bool unicode);
    virtual ~TopScreen() = default;  // the terminal is as it was

    virtual size_t rows() const = 0;
    virtual void draw(const std::vector<TopView::Line>& lines) = 0;
    virtual int key() = 0;       // of stdin; -1: none has come
    virtual void resized() = 0;  // or somebody else wrote on it
    virtual void leave() = 0;    // until the next draw()
};

extern const bool kHasNcurses;

}  // namespace spanring::agent
