// SPDX-License-Identifier: Apache-2.0
//
// When to say again that something goes on: after a minute, and then each time after twice as long, at last once an
// hour. One thread.
#pragma once

#include <algorithm>
#include <cstdint>

namespace spanring::agent {

class Reminder {
public:
    static constexpr uint64_t kFirst = 60'000'000'000, kLongest = 60 * kFirst;  // nanoseconds

    // `since`: when it began; 0: it does not go on. True: now is the time to say so.
    bool due(uint64_t since, uint64_t now) {
        if (since != since_) {
            since_ = since;
            pause_ = kFirst;
            next_ = since + kFirst;
        }
        if (since == 0 || now < next_) return false;
        pause_ = std::min(2 * pause_, kLongest);
        next_ = now + pause_;
        return true;
    }

private:
    uint64_t since_ = 0, pause_ = kFirst, next_ = 0;
};

}  // namespace spanring::agent
