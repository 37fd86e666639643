// SPDX-License-Identifier: Apache-2.0
//
// For a line of the log that may repeat: one in ten seconds, which says how many were left out since the one before.
// One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace spanring::agent {

class LogPace {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::seconds kPause{10};

    // Nothing: not now. Otherwise what to put behind the line.
    std::optional<std::string> due(Time now = std::chrono::steady_clock::now()) {
        if (now < next_) {
            ++left_out_;
            return std::nullopt;
        }
        next_ = now + kPause;
        const uint64_t more = std::exchange(left_out_, 0);
        return more == 0 ? "" : " (and " + std::to_string(more) + " times more since the last such line)";
    }

private:
    Time next_{};
    uint64_t left_out_ = 0;
};

}  // namespace spanring::agent
