// SPDX-License-Identifier: Apache-2.0
//
// At most a given number of traces a second, over all threads of the process: a bucket that holds one second's worth
// (one trace at least), as a single word, the time at which it would be full again (the generic cell rate algorithm,
// ITU-T I.371). No lock; a refusal is one load.
#pragma once

#include <cstdint>

#include "ring/atomics.hpp"
#include "ring/sampling_directive.hpp"

namespace spanring::trace {

class RateLimiter {
public:
    // HOT. `rate` is a directive of kind kRate, now is nanoseconds since the Unix epoch; a clock that steps back by
    // more than the bucket holds finds it full.
    bool admit(ring::SamplingDirective rate, uint64_t now) {
        if (rate.value == 0) return false;
        const uint64_t interval = kNanosecondsIn1000 / rate.value;
        const uint64_t depth = interval > kSecond ? interval : kSecond;
        for (int attempt = 0; attempt < kAttempts; ++attempt) {
            // relaxed, as below: the word stands for itself.
            uint64_t full = ring::StdAtomics::load(full_, std::memory_order_relaxed);
            const uint64_t from = full < now || full - now > 2 * depth ? now : full;
            if (from + interval - now > depth) return false;
            if (ring::StdAtomics::compare_exchange(full_, full, from + interval, std::memory_order_relaxed))
                return true;
        }
        return false;  // enough others were admitted meanwhile
    }

private:
    static constexpr uint64_t kSecond = 1'000'000'000;
    static constexpr uint64_t kNanosecondsIn1000 = 1000 * kSecond;
    static constexpr int kAttempts = 64;

    alignas(8) uint64_t full_ = 0;
};

}  // namespace spanring::trace
