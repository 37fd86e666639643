// SPDX-License-Identifier: Apache-2.0
//
// `rate_limiting`: traces, as long as their spans are no more than so many a second. Users share these by what came of
// each in the second before; one alone has all of it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

#include "decide/fair_share.hpp"
#include "decide/policy.hpp"

namespace spanring::agent {

class RateLimitingPolicy : public Policy {
public:
    // Throws std::invalid_argument.
    explicit RateLimitingPolicy(uint32_t spans_per_second)
        : per_second_(spans_per_second), share_(spans_per_second), all_{per_second_, {}} {
        if (spans_per_second == 0) throw std::invalid_argument("rate_limiting: must say spans_per_second");
    }

    // A trace that is larger than what a second has is kept when nothing else was, and the next ones of that user wait
    // for it. The others' do not, but what he pays back is not theirs either: in the long run it is no more than the
    // rate.
    bool has_budget() const override { return true; }
    PolicyAnswer answer(const TraceFacts& trace) override {
        if (trace.now - began_ >= std::chrono::seconds(1)) begin_second(trace.now);
        User& user = users_.try_emplace(trace.state.owner, User{{share_, trace.now}}).first->second;
        user.came += trace.state.spans;
        fill(user, trace.now);
        all_.fill(per_second_, trace.now);
        const auto spans = static_cast<double>(trace.state.spans);
        const double most = std::min(spans, share_);
        if (user.left < most || all_.left < most) return PolicyAnswer::kDeclined;
        user.left -= spans;
        all_.left -= most;
        return PolicyAnswer::kKeep;
    }

private:
    using Time = std::chrono::steady_clock::time_point;

    struct Bucket {
        double left = 0;
        Time filled{};

        void fill(double per_second, Time now) {
            const double seconds = std::chrono::duration<double>(now - filled).count();
            left = std::min(per_second, left + std::max(seconds, 0.0) * per_second);
            filled = now;
        }
    };
    struct User : Bucket {
        uint64_t came = 0;  // spans, in this second
    };

    // What a user pays back of a large trace is taken from what all have, before it is filled up.
    void fill(User& user, Time now) {
        const double owed = std::max(-user.left, 0.0);
        user.fill(share_, now);
        all_.left -= owed - std::max(-user.left, 0.0);
    }

    // Who wants nothing is forgotten, but not what he still owes: that is wanted as well.
    void begin_second(Time now) {
        std::vector<uint64_t> wanted;
        for (const auto& [owner, user] : users_)
            wanted.push_back(user.came + static_cast<uint64_t>(std::max(-user.left, 0.0)));
        share_ = static_cast<double>(fair_share(static_cast<uint64_t>(per_second_), std::move(wanted)));
        for (auto at = users_.begin(); at != users_.end();) {
            User& user = at->second;
            fill(user, now);
            const bool is_done = std::exchange(user.came, 0) == 0 && user.left >= share_;
            at = is_done ? users_.erase(at) : std::next(at);
        }
        began_ = now;
    }

    const double per_second_;
    double share_;  // of a user
    Bucket all_;
    std::map<uint16_t, User> users_;
    Time began_{};
};

}  // namespace spanring::agent
