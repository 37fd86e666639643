// SPDX-License-Identifier: Apache-2.0
//
// In place of top_screen.cpp where there is no ncurses.
#include "command/live/top_screen.hpp"

namespace spanring::agent {

const bool kHasNcurses = false;

std::unique_ptr<TopScreen> TopScreen::open(bool, bool) { return nullptr; }

}  // namespace spanring::agent
