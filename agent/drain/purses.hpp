// SPDX-License-Identifier: Apache-2.0
//
// A token bucket for each of many, made when it is asked for. One that is full again is as good as a new one and is
// forgotten: there are never many more than took something within the time in which a bucket fills. Drain thread only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>

#include "base/token_bucket.hpp"

namespace spanring::agent {

template <class Key>
class Purses {
public:
    using Time = TokenBucket::Time;

    Purses(double burst, double per_second) : new_one_(burst, per_second) {}

    TokenBucket& of(const Key& key, Time now) {
        if (purses_.size() >= look_again_at_) forget_full(now);
        return purses_.try_emplace(key, new_one_).first->second;
    }
    size_t size() const { return purses_.size(); }

private:
    static constexpr size_t kFew = 16;

    // Once there are twice as many as were left the last time, so that it costs each call little.
    void forget_full(Time now) {
        std::erase_if(purses_, [&](const auto& purse) { return purse.second.is_full(now); });
        look_again_at_ = std::max(kFew, 2 * purses_.size());
    }

    const TokenBucket new_one_;
    std::map<Key, TokenBucket> purses_;
    size_t look_again_at_ = kFew;
};

}  // namespace spanring::agent
