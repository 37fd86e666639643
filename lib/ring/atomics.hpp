// SPDX-License-Identifier: Apache-2.0
//
// The atomic operations of the ring core, as a parameter: production code uses StdAtomics; a test passes its own type
// that steps, schedules or crashes at each access, or names a header that defines another StdAtomics, for what has no
// parameter.
#pragma once

#include <atomic>
#include <cstdint>

#ifdef SPR_TEST_ATOMICS
#include SPR_TEST_ATOMICS
#else

namespace spanring::ring {

struct StdAtomics {
    static_assert(std::atomic_ref<uint64_t>::is_always_lock_free && std::atomic_ref<uint32_t>::is_always_lock_free,
                  "words shared between processes must be address-free");

    template <class T>
    static T load(const T& word, std::memory_order order) {
        return std::atomic_ref<T>(const_cast<T&>(word)).load(order);
    }
    template <class T>
    static void store(T& word, T value, std::memory_order order) {
        std::atomic_ref<T>(word).store(value, order);
    }
    template <class T>
    static bool compare_exchange(T& word, T& expected, T desired, std::memory_order success) {
        return std::atomic_ref<T>(word).compare_exchange_strong(expected, desired, success, std::memory_order_relaxed);
    }
    template <class T>
    static T fetch_add(T& word, T value, std::memory_order order) {
        return std::atomic_ref<T>(word).fetch_add(value, order);
    }
    // No store that follows is made before one that precedes, by the compiler: all that a kill, which lands between two
    // instructions, needs. To the hardware it is nothing.
    static void keep_order() { std::atomic_signal_fence(std::memory_order_release); }
};

}  // namespace spanring::ring

#endif
