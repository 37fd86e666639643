// SPDX-License-Identifier: Apache-2.0
//
// Whether spans get their time from the time-stamp counter, and how well that agrees with the wall clock here.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/descriptor.hpp"
#include "base/wall_clock.hpp"
#include "command/doctor/kernel_facts.hpp"

#if defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>
#endif

namespace spanring::agent {
namespace {

constexpr char kSource[] = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
constexpr uint64_t kApart = 5'000'000;  // nanoseconds between two measurements, half of an anchor's life
constexpr int kTries = 5;               // a step of the wall clock, or a pause of this process, spoils one
constexpr double kBound = 1000;         // nanoseconds: what the library promises

uint64_t counter() {
#if defined(__x86_64__) || defined(__i386__)
    return __rdtsc();
#elif defined(__aarch64__)
    uint64_t value;
    asm volatile("mrs %0, cntvct_el0" : "=r"(value));
    return value;
#else
    return 0;
#endif
}

struct Pair {
    uint64_t ticks = 0;
    uint64_t nanoseconds = 0;
};

// Of several the one that was read fastest: nothing came in between.
Pair pair() {
    Pair best;
    uint64_t narrowest = UINT64_MAX;
    for (int i = 0; i < 32; ++i) {
        const uint64_t before = counter();
        const uint64_t time = unix_nano();
        const uint64_t width = counter() - before;
        if (width >= narrowest) continue;
        narrowest = width;
        best = {before + width / 2, time};
    }
    return best;
}

Pair pair_after(uint64_t nanoseconds) {
    while (unix_nano() < nanoseconds) continue;
    return pair();
}

// How far the wall clock is from where a rate that was measured just before puts it.
double error_of_one_measurement() {
    const Pair first = pair();
    const Pair second = pair_after(first.nanoseconds + kApart);
    const Pair third = pair_after(second.nanoseconds + kApart);
    const double rate =
        static_cast<double>(second.nanoseconds - first.nanoseconds) / static_cast<double>(second.ticks - first.ticks);
    const double expected = static_cast<double>(third.ticks - second.ticks) * rate;
    return std::abs(expected - static_cast<double>(third.nanoseconds - second.nanoseconds));
}

std::string read_source() {
    char name[64] = {};
    const Descriptor file(::open(kSource, O_RDONLY | O_CLOEXEC));
    if (!file) return {};
    const ssize_t size = ::read(file.get(), name, sizeof name - 1);
    std::string source(name, size > 0 ? static_cast<size_t>(size) : 0);
    while (!source.empty() && source.back() == '\n') source.pop_back();
    return source;
}

}  // namespace

Finding look_at_clock() {
    const std::string source = read_source();
    const bool trusted = source == "tsc" || source == "arch_sys_counter";
    if (!trusted) {
        return {Health::kWarning, "clock",
                "the kernel's clock source is " + (source.empty() ? std::string("not known") : source) +
                    ", not the time-stamp counter: each span takes two calls of clock_gettime()",
                "nothing to be done in most virtual machines; on bare metal see the kernel's log for why it distrusts "
                "the TSC"};
    }
    double least = error_of_one_measurement();
    for (int i = 1; i < kTries && least > kBound; ++i) least = std::min(least, error_of_one_measurement());
    const std::string found = source + "; within " + std::to_string(static_cast<uint64_t>(least)) +
                              " ns of CLOCK_REALTIME after " + std::to_string(kApart / 1'000'000) + " ms";
    if (least <= kBound) return {Health::kOk, "clock", found, ""};
    return {Health::kWarning, "clock", found + ", more than the 1000 ns that are promised",
            "try again on an idle host; if it stays, the clock is being slewed, or the counter is not stable"};
}

}  // namespace spanring::agent
