// SPDX-License-Identifier: Apache-2.0
//
// After a burst the allocator keeps what it had, for the next one. Once little comes it is given back to the kernel,
// once: to look through the heap takes a millisecond.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace spanring::agent {

class IdleHeap {
public:
    using Time = std::chrono::steady_clock::time_point;

    static constexpr std::chrono::seconds kWindow{1};
    static constexpr uint64_t kLittle = 1u << 20;  // bytes in a window
    static constexpr uint64_t kMuch = 16u << 20;   // bytes since the heap was given back

    // So many bytes came. Whether it is time: to be asked in each pass, also where nothing came.
    bool is_time(uint64_t bytes, Time now) {
        window_ += bytes;
        if (now < end_) return false;
        end_ = now + kWindow;
        const uint64_t came = std::exchange(window_, 0);
        since_ += came;
        if (came > kLittle || since_ < kMuch) return false;
        since_ = 0;
        return true;
    }

    // Whole pages that are free, of all threads' heaps.
    static void give_back() {
#ifdef __GLIBC__
        malloc_trim(0);
#endif
    }

private:
    Time end_{};
    uint64_t window_ = 0;
    uint64_t since_ = 0;
};

}  // namespace spanring::agent
