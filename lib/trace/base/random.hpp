// SPDX-License-Identifier: Apache-2.0
//
// Identifiers: xoroshiro128+ (Blackman and Vigna, 2018), seeded by getrandom() for each thread and signal level, again
// after fork(). W3C Trace Context level 2 asks the lowest 56 bits of a trace id to be random: all of ours are.
#pragma once

#include <cstdint>
#include <cstring>

namespace spanring::trace {

class Random {
public:
    void seed(const uint64_t (&seed)[2]) {
        state_[0] = seed[0];
        state_[1] = seed[1] | 1;  // never all zero
    }

    uint64_t next() {
        const uint64_t a = state_[0];
        uint64_t b = state_[1];
        const uint64_t result = a + b;
        b ^= a;
        state_[0] = (a << 24 | a >> 40) ^ b ^ (b << 16);
        state_[1] = b << 37 | b >> 27;
        return result;
    }

    // The specification forbids an all-zero id.
    uint64_t span_id() {
        uint64_t id = next();
        while (id == 0) [[unlikely]] id = next();
        return id;
    }
    void trace_id(uint64_t (&id)[2]) {
        id[0] = next();
        id[1] = next();
        if ((id[0] | id[1]) == 0) id[1] = 1;
    }

private:
    uint64_t state_[2] = {};
};

}  // namespace spanring::trace
