// SPDX-License-Identifier: Apache-2.0
//
// Time for spans: CLOCK_REALTIME nanoseconds at the price of one counter read.
//
// Where the kernel's own clocksource is the time-stamp counter, so is ours; elsewhere the ticks are nanoseconds of
// CLOCK_MONOTONIC (vDSO). The rate is measured against CLOCK_MONOTONIC from the first use of the library on, so its
// error shrinks as the process lives. Each thread holds an anchor (ticks and CLOCK_REALTIME at one instant) for at most
// 10 ms, less while the rate is young: a step of the wall clock is followed, and the error stays below 1 us.
//
// An anchor and the rate come from pairs: a clock, read between two readings of the counter. Of several tries the
// narrowest is kept, and tries go on, up to a bound, until one is narrow enough: a thread that loses its processor in
// the middle of one makes another. So the bound does not hold where that happens to each of kMostTries tries in a row.
//
// Never rdtscp, never a fence: the order of two reads within some ten nanoseconds does not matter to a span.
#pragma once

#include <cstdint>
#include <ctime>

#include "ring/atomics.hpp"

#if defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>
#endif

namespace spanring::ring {

class Clock {
public:
    static constexpr uint64_t kAnchorLifetime = 10'000'000;  // nanoseconds

    struct Anchor {  // one a thread and signal level
        uint64_t ticks = 0;
        uint64_t unix_nano = 0;
        uint64_t lifetime = 0;  // ticks; 0: none yet
    };

    // COLD, once: looks at the kernel's clocksource, measures the rate for some 20 us. What it found holds in children.
    void start();

    uint64_t ticks() const {
#if defined(__x86_64__) || defined(__i386__)
        if (counter_) [[likely]]
            return __rdtsc();
#elif defined(__aarch64__)
        if (counter_) [[likely]] {
            uint64_t value;
            asm volatile("mrs %0, cntvct_el0" : "=r"(value));
            return value;
        }
#endif
        return read(CLOCK_MONOTONIC);
    }

    // HOT. Whether there is a counter, which takes no call to read.
    bool has_counter() const { return counter_; }
    // HOT. Whether the next two need no measurement, nor more than one multiplication: soon().
    static bool is_fresh(const Anchor& anchor, uint64_t now) { return now - anchor.ticks < anchor.lifetime; }
    bool is_measured(uint64_t ticks) const { return ticks >> 31 == 0 && covers(ticks); }
    // HOT. Whether nanoseconds() needs no measurement: it lasted no longer than what the rate was measured over. False
    // of what ended before it began.
    bool covers(uint64_t ticks) const {
        // relaxed: as in duration().
        return ticks <= StdAtomics::load(measured_ticks_, std::memory_order_relaxed);
    }

    // HOT except for one call in 10 ms.
    uint64_t unix_nano(Anchor& anchor, uint64_t now) {
        if (!is_fresh(anchor, now)) [[unlikely]]
            return renew(anchor, now);
        return anchor.unix_nano + soon(now - anchor.ticks);
    }

    // HOT except where the duration is longer than what the rate was measured over: then it is measured again first, or
    // the error of a young rate would be multiplied.
    uint64_t duration(uint64_t ticks) {
        // relaxed: any recent value; a measurement too many does no harm.
        if (counter_ && ticks > StdAtomics::load(measured_ticks_, std::memory_order_relaxed)) [[unlikely]]
            measure(pair(CLOCK_MONOTONIC));
        return nanoseconds(ticks);
    }

    // Of fewer than 2^31 ticks, as an anchor's lifetime is: half a second at 4 GHz.
    uint64_t soon(uint64_t ticks) const {
        // relaxed: any recent rate will do. rate < 2^33: a counter of at least 0.5 GHz.
        return (ticks * StdAtomics::load(rate_, std::memory_order_relaxed)) >> 32;
    }
    uint64_t nanoseconds(uint64_t ticks) const {
        if (ticks >> 31 == 0) [[likely]]
            return soon(ticks);
        const uint64_t rate = StdAtomics::load(rate_, std::memory_order_relaxed);  // any recent rate will do
        return (ticks >> 32) * rate + (((ticks & 0xffffffff) >> 8) * rate >> 24);
    }

    static uint64_t read(clockid_t clock) {
        timespec time;
        clock_gettime(clock, &time);
        return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
    }

    struct Pair {  // at one instant, within half the width of the try
        uint64_t ticks;
        uint64_t nanoseconds;
    };
    static constexpr int kLeastTries = 3;
    static constexpr int kMostTries = 8;

    // COLD. `narrow`: whether a try of that many ticks is good enough.
    template <class Ticks, class Time, class Narrow>
    static Pair narrowest_pair(Ticks ticks, Time time, Narrow narrow) {
        Pair best{};
        uint64_t narrowest = ~uint64_t{0};
        for (int i = 0; i < kLeastTries || (i < kMostTries && !narrow(narrowest)); ++i) {
            const uint64_t before = ticks();
            const uint64_t read = time();
            const uint64_t width = ticks() - before;
            if (width < narrowest) {
                narrowest = width;
                best = {before + width / 2, read};
            }
        }
        return best;
    }

private:
    Pair pair(clockid_t clock) const;
    uint64_t renew(Anchor& anchor, uint64_t now);  // returns the time of `now`
    bool measure(Pair monotonic);                  // false: no usable rate

    bool counter_ = false;
    Pair origin_{};
    alignas(8) uint64_t measured_ticks_ = 0;  // what rate_ was measured over
    alignas(8) uint64_t rate_ = 0;  // nanoseconds a tick, 32 fractional bits; start() sets it. Zero: all state is in
                                    // .bss
};

}  // namespace spanring::ring
