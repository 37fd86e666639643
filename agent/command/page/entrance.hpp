// SPDX-License-Identifier: Apache-2.0
//
// Who may come in: whoever has the token of a link, once, and from then on whoever has the cookie that was given for
// it. Both are random, 256 bits, and compared without telling by time how much of one was right. One thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace spanring::agent {

class Entrance {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::minutes kLinkLives{10};
    static constexpr std::chrono::hours kSessionLives{12};
    static constexpr size_t kMostSessions = 16;  // one more, and the oldest one ends

    // The token of a new link; the one before is worth nothing from then on.
    std::string make_link(Clock::time_point now);

    // What the cookie has to be, if this is the link's token; it is none afterwards.
    std::optional<std::string> enter(std::string_view token, Clock::time_point now);
    bool knows(std::string_view cookie, Clock::time_point now);

private:
    using Secret = std::array<uint8_t, 32>;
    struct Timed {
        Secret secret;
        Clock::time_point ends;
    };
    static Secret make_secret();
    static std::string text_of(const Secret& secret);
    static bool is(const Secret& secret, std::string_view text);

    std::optional<Timed> link_;
    std::deque<Timed> sessions_;  // the oldest first
};

}  // namespace spanring::agent
