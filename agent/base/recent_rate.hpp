// SPDX-License-Identifier: Apache-2.0
//
// How fast a counter rises, over the last seconds: by looks at it again and again. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

namespace spanring::agent {

class RecentRate {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::seconds kWindow{10};
    static constexpr std::chrono::milliseconds kApart{900};  // whoever asks often is told of the same looks

    void look(uint64_t count, Time now) {
        if (!looks_.empty() && count < looks_.back().count) looks_.clear();  // it began again
        if (looks_.size() > 1 && now - looks_[looks_.size() - 2].when < kApart) looks_.pop_back();
        looks_.push_back({count, now});
        while (looks_.size() > 2 && now - looks_[1].when >= kWindow) looks_.pop_front();
    }

    double per_second() const {
        if (looks_.empty()) return 0;
        const std::chrono::duration<double> time = looks_.back().when - looks_.front().when;
        return time.count() > 0 ? static_cast<double>(looks_.back().count - looks_.front().count) / time.count() : 0;
    }

private:
    struct Look {
        uint64_t count;
        Time when;
    };
    std::deque<Look> looks_;  // never empty again once it was not; the first is about kWindow ago
};

}  // namespace spanring::agent
