// SPDX-License-Identifier: Apache-2.0
//
// Which attributes somebody wants to see: by the sizes of their keys, which says already of most attributes that nobody
// does, and by the keys. What is shown may be more than what was asked for, never less.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace spanring::agent {

class KeyInterest {
public:
    void add(std::string_view key) {
        sizes_ |= bit_of(key.size());
        keys_.emplace_back(key);
    }
    void add_all() {
        sizes_ = ~uint64_t{0};
        all_ = true;
    }

    bool none() const { return sizes_ == 0; }
    bool may_want(size_t key_size) const { return (sizes_ & bit_of(key_size)) != 0; }
    bool wants(std::string_view key) const {
        return may_want(key.size()) && (all_ || std::find(keys_.begin(), keys_.end(), key) != keys_.end());
    }

private:
    static uint64_t bit_of(size_t key_size) { return uint64_t{1} << key_size % 64; }

    uint64_t sizes_ = 0;
    bool all_ = false;
    std::vector<std::string> keys_;
};

}  // namespace spanring::agent
