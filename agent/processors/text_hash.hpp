// SPDX-License-Identifier: Apache-2.0
//
// Where a text is remembered: any place will do, since what stands there is compared. Who makes texts meet on purpose
// makes his own spans slower.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace spanring::agent {

inline uint64_t hash_of(std::string_view text) {
    uint64_t hash = text.size() * 0x9e3779b97f4a7c15;
    const char* at = text.data();
    size_t left = text.size();
    const auto mix = [&hash](uint64_t word) {
        hash = (hash ^ word) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 29;
    };
    for (; left >= 8; at += 8, left -= 8) {
        uint64_t word = 0;
        std::memcpy(&word, at, 8);
        mix(word);
    }
    uint64_t word = 0;
    if (left != 0) std::memcpy(&word, at, left);
    mix(word);
    return hash ^ hash >> 32;
}

}  // namespace spanring::agent
