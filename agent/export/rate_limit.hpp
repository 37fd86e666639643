// SPDX-License-Identifier: Apache-2.0
//
// So many requests and so many bytes a second in the long run, and a second's worth at once after a quiet time. A
// request goes whole, however large: it is paid for afterwards, so that the rate holds whatever their sizes are.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace spanring::agent {

struct RateLimitOptions {
    uint32_t requests_per_second = 0;  // 0: any number
    uint64_t bytes_per_second = 0;     // 0: any number

    bool operator==(const RateLimitOptions&) const = default;
};

class RateLimit {
public:
    using Time = std::chrono::steady_clock::time_point;

    explicit RateLimit(const RateLimitOptions& options)
        : requests_(options.requests_per_second), bytes_(static_cast<double>(options.bytes_per_second)) {}

    bool limits() const { return requests_.rate != 0 || bytes_.rate != 0; }
    // When the next request may go: `now`, or later.
    Time next(Time now) const { return std::max(requests_.next(now), bytes_.next(now)); }
    void begin(size_t bytes, Time now) {
        requests_.take(1, now);
        bytes_.take(static_cast<double>(bytes), now);
    }

private:
    struct Account {
        explicit Account(double per_second) : rate(per_second), left(per_second) {}

        double at(Time now) const {
            return std::min(rate, left + rate * std::chrono::duration<double>(std::max(now, since) - since).count());
        }
        // A request may go while anything is left; of whole requests, when there is one.
        Time next(Time now) const {
            const double least = rate == 0 ? 0 : std::min(1.0, rate);
            const double missing = rate == 0 ? 0 : least - at(now);
            if (missing <= 0) return now;
            return now + std::chrono::ceil<std::chrono::nanoseconds>(std::chrono::duration<double>(missing / rate));
        }
        void take(double amount, Time now) {
            if (rate == 0) return;
            left = at(now) - amount;
            since = std::max(now, since);
        }

        double rate;  // 0: no limit
        double left;  // at `since`; below zero: owed
        Time since{};
    };

    Account requests_, bytes_;
};

}  // namespace spanring::agent
