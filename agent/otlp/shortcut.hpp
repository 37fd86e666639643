// SPDX-License-Identifier: Apache-2.0
//
// Decides whether a shortcut is tried: while it mostly leads to the end, at which it saves more than its failures cost.
// One that does not rests, each time for longer, so that what it costs where it never leads anywhere comes to nothing.
// One thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace spanring::agent {

class Shortcut {
public:
    static constexpr uint32_t kTries = 128;        // in a row, judged together
    static constexpr uint32_t kMostFailures = 32;  // among them
    static constexpr uint32_t kShortestRest = 1 << 13;
    static constexpr uint32_t kLongestRest = 1 << 20;

    // Not tried for the first `first_rest` times.
    explicit Shortcut(uint32_t first_rest) : rests_(first_rest) {}

    bool resting() const { return rests_ != 0; }

    // Whether to try it now; then succeeded() or failed() follows.
    bool is_tried() {
        if (rests_ == 0) [[likely]]
            return true;
        return --rests_ == 0;
    }

    void succeeded() {
        if (++tries_ == kTries) [[unlikely]]
            start_again();
    }

    // True: it was one failure too many, and it rests from now on.
    bool failed() {
        if (++failures_ <= kMostFailures) {
            if (++tries_ == kTries) start_again();
            return false;
        }
        rests_ = next_rest_;
        next_rest_ = std::min(4 * next_rest_, kLongestRest);
        tries_ = failures_ = 0;
        return true;
    }

private:
    void start_again() {
        tries_ = failures_ = 0;
        next_rest_ = kShortestRest;
    }

    uint32_t rests_;  // times that are still to be passed over
    uint32_t tries_ = 0, failures_ = 0;
    uint32_t next_rest_ = kShortestRest;
};

}  // namespace spanring::agent
