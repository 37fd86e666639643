// SPDX-License-Identifier: Apache-2.0
//
// The atomics of the ring core under the stepper: as a template argument, and, where the ring's sources are compiled
// with -DSPR_TEST_ATOMICS naming this file, in place of StdAtomics. Outside of fibers: plain accesses.
//
// Every acquire, release and compiler's fence is an Order of its own, known by where it stands; one of them may be
// weakened. An acq_rel is two.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <set>
#include <source_location>
#include <string>
#include <string_view>
#include <tuple>

#include "unit/ring/stepper.hpp"

namespace spanring::test {

enum class Half : uint8_t { kAcquire, kRelease, kCompiler };

struct Order {
    std::string_view file;
    uint32_t line;
    Half half;
    std::string_view function;  // as the compiler calls it

    auto key() const { return std::tuple(file, line, half); }
    bool operator<(const Order& other) const { return key() < other.key(); }
    bool operator==(const Order& other) const { return key() == other.key(); }
};

struct Orders {
    static inline std::set<Order>* seen = nullptr;  // collects what is met, if there is one
    static inline std::optional<Order> weakened;

    // Whether the order holds.
    static bool holds(const std::source_location& where, Half half) {
        if (seen != nullptr) seen->insert({where.file_name(), where.line(), half, where.function_name()});
        return !weakened || weakened->line != where.line() || weakened->half != half ||
               weakened->file != where.file_name();
    }
};

// What a mutant does wrong besides orders; a test that holds for a mutant as well proves nothing.
struct Faithful {
    static constexpr bool kComparesUpperHalf = true;
};
struct UncountedHeads : Faithful {
    static constexpr bool kComparesUpperHalf = false;
};

template <class Quality = Faithful>
struct CheckedAtomics {
    using Where = std::source_location;

    static LoadOrder load_order(std::memory_order order, const Where& where) {
        const bool written = order == std::memory_order_acquire || order == std::memory_order_acq_rel;
        const bool holds = written && Orders::holds(where, Half::kAcquire);
        return {holds, written && !holds};
    }
    static bool releases(std::memory_order order, const Where& where) {
        return (order == std::memory_order_release || order == std::memory_order_acq_rel) &&
               Orders::holds(where, Half::kRelease);
    }

    template <class T>
    static T load(const T& word, std::memory_order order, Where where = Where::current()) {
        Stepper* const stepper = Stepper::stepping();
        if (stepper == nullptr) return word;
        Stepper::step();
        return stepper->memory().load(word, stepper->running(), stepper->knowledge(), load_order(order, where),
                                      stepper->choices());
    }
    template <class T>
    static void store(T& word, T value, std::memory_order order, Where where = Where::current()) {
        Stepper* const stepper = Stepper::stepping();
        if (stepper == nullptr) {
            word = value;
            return;
        }
        Stepper::step();
        stepper->memory().store(word, value, stepper->running(), stepper->knowledge(), releases(order, where));
    }
    template <class T>
    static bool compare_exchange(T& word, T& expected, T desired, std::memory_order success,
                                 Where where = Where::current()) {
        const auto change = [&](T old, T& ret_new) {
            ret_new = desired;
            return Quality::kComparesUpperHalf ? old == expected
                                               : static_cast<uint32_t>(old) == static_cast<uint32_t>(expected);
        };
        T old{};
        const bool exchanged = exchange(word, old, success, where, change);
        if (!exchanged) expected = old;
        return exchanged;
    }
    template <class T>
    static T fetch_add(T& word, T value, std::memory_order order, Where where = Where::current()) {
        T old{};
        exchange(word, old, order, where, [&](T before, T& ret_new) {
            ret_new = static_cast<T>(before + value);
            return true;
        });
        return old;
    }

    static void keep_order(Where where = Where::current()) {
        Stepper* const stepper = Stepper::stepping();
        if (stepper == nullptr || !Orders::holds(where, Half::kCompiler)) return;
        stepper->memory().notice_plain_stores(stepper->running(), stepper->knowledge());
        stepper->memory().fence(stepper->running());
    }

private:
    template <class T, class Change>
    static bool exchange(T& word, T& ret_old, std::memory_order order, const Where& where, const Change& change) {
        Stepper* const stepper = Stepper::stepping();
        if (stepper == nullptr) {
            T desired{};
            ret_old = word;
            if (!change(word, desired)) return false;
            word = desired;
            return true;
        }
        Stepper::step();
        return stepper->memory().exchange(word, ret_old, stepper->running(), stepper->knowledge(),
                                          load_order(order, where), releases(order, where), stepper->choices(), change);
    }
};

}  // namespace spanring::test

namespace spanring::ring {

using StdAtomics = test::CheckedAtomics<>;

}  // namespace spanring::ring
