// SPDX-License-Identifier: Apache-2.0
//
// Where a thread runs and what time it is. Times are nanoseconds; ticks are what a span reads as its clock.
#pragma once

#include <pthread.h>
#include <sched.h>

#include <cstdint>
#include <ctime>

#if defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>
#endif

namespace bench {

inline uint64_t now(clockid_t clock = CLOCK_MONOTONIC) {
    timespec time;
    clock_gettime(clock, &time);
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

inline void sleep_until(uint64_t when) {
    const timespec time{static_cast<time_t>(when / 1'000'000'000), static_cast<long>(when % 1'000'000'000)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr);
}

// The clock as the library reads it: the time-stamp counter where there is one.
inline uint64_t ticks() {
#if defined(__x86_64__) || defined(__i386__)
    return __rdtsc();
#else
    return now();
#endif
}

inline void pin(int core) {  // this thread, and what it starts; a negative core stands for all
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int one = 0; one < CPU_SETSIZE; ++one)
        if (core < 0 || one == core) CPU_SET(one, &set);
    sched_setaffinity(0, sizeof set, &set);
}

}  // namespace bench
