// SPDX-License-Identifier: Apache-2.0
//
// Random ids for what is compared with the library: xoshiro256++ (Blackman, Vigna; public domain).
#pragma once

#include <cstdint>
#include <random>

namespace bench {

class RandomIds {
public:
    RandomIds() {
        std::random_device seed;
        for (uint64_t& word : s_) word = static_cast<uint64_t>(seed()) << 32 | seed();
    }
    uint64_t next() {
        const uint64_t result = turn(s_[0] + s_[3], 23) + s_[0], t = s_[1] << 17;
        s_[2] ^= s_[0], s_[3] ^= s_[1], s_[1] ^= s_[2], s_[0] ^= s_[3], s_[2] ^= t, s_[3] = turn(s_[3], 45);
        return result;
    }

private:
    static uint64_t turn(uint64_t x, int by) { return x << by | x >> (64 - by); }
    uint64_t s_[4];
};

}  // namespace bench
