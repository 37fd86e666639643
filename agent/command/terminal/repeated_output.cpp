// SPDX-License-Identifier: Apache-2.0
#include "command/terminal/repeated_output.hpp"

#include <unistd.h>

#include <iostream>
#include <optional>

#include "base/wall_clock.hpp"
#include "command/terminal/awaited_signals.hpp"
#include "command/terminal/human.hpp"
#include "command/terminal/live_screen.hpp"

namespace spanring::agent {
namespace {

using Event = AwaitedSignals::Event;

std::string page_of(const Repetition& how, const std::function<std::string()>& make) {
    const std::string text = make();
    if (how.title.empty()) return text;
    return how.title + human_time(unix_nano()) + "\n" + text;
}

}  // namespace

int repeat_output(const Repetition& how, const std::function<std::string()>& make) {
    AwaitedSignals signals;
    std::optional<LiveScreen> screen;
    if (how.in_place && ::isatty(STDOUT_FILENO) == 1) screen.emplace();
    bool first = true;
    for (;;) {
        const auto next = AwaitedSignals::Clock::now() + how.period;
        std::string text = page_of(how, make);
        if (screen) {
            screen->draw(text);
        } else {
            std::cout << (first || how.title.empty() ? "" : "\n") << text << std::flush;
            if (!std::cout) return 1;  // nobody takes it
        }
        first = false;
        for (Event event = Event::kRedraw; event != Event::kTime;) {
            event = signals.wait_until(next);
            if (event == Event::kEnd) {
                screen.reset();
                return signals.end();
            }
            if (event == Event::kStop) {
                if (screen) screen->leave();
                signals.stop();
                if (screen) screen->enter();
            }
            if (screen && event != Event::kTime) break;  // another width: made anew
        }
    }
}

}  // namespace spanring::agent
