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

// By the compiler's own operations: std::atomic_ref is of C++20, and who embeds the library may be at C++17.
struct StdAtomics {
    static_assert(__atomic_always_lock_free(sizeof(uint64_t), nullptr) &&
                      __atomic_always_lock_free(sizeof(uint32_t), nullptr),
                  "words shared between processes must be address-free");

    template <class T>
    static T load(const T& word, std::memory_order order) {
        return __atomic_load_n(&word, static_cast<int>(order));
    }
    template <class T>
    static void store(T& word, T value, std::memory_order order) {
        __atomic_store_n(&word, value, static_cast<int>(order));
    }
    template <class T>
    static bool compare_exchange(T& word, T& expected, T desired, std::memory_order success) {
        return __atomic_compare_exchange_n(&word, &expected, desired, false, static_cast<int>(success),
                                           __ATOMIC_RELAXED);
    }
    template <class T>
    static T fetch_add(T& word, T value, std::memory_order order) {
        return __atomic_fetch_add(&word, value, static_cast<int>(order));
    }
    template <class T>
    static T fetch_or(T& word, T bits, std::memory_order order) {
        return __atomic_fetch_or(&word, bits, static_cast<int>(order));
    }
    template <class T>
    static T fetch_and(T& word, T bits, std::memory_order order) {
        return __atomic_fetch_and(&word, bits, static_cast<int>(order));
    }
    template <class T>
    static T fetch_xor(T& word, T bits, std::memory_order order) {
        return __atomic_fetch_xor(&word, bits, static_cast<int>(order));
    }
    // No store that follows is made before one that precedes, by the compiler: all that a kill, which lands between two
    // instructions, needs. To the hardware it is nothing.
    static void keep_order() { std::atomic_signal_fence(std::memory_order_release); }
};

}  // namespace spanring::ring

#endif
