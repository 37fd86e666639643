// SPDX-License-Identifier: Apache-2.0
#include "ring/clock.hpp"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

namespace spanring::ring {
namespace {

constexpr uint64_t kFirstMeasurement = 20'000;  // nanoseconds
// An anchor may live this many times as long as the rate has been measured: with pairs good to 50 ns the rate's share
// of the error stays below 0.5 us.
constexpr uint64_t kTrust = 8;
constexpr uint64_t kNarrow = 500;  // nanoseconds of a try: good to half of that. clock_gettime() takes some 30

bool kernel_trusts_counter() {
#if defined(__x86_64__) || defined(__i386__)
    constexpr char kName[] = "tsc\n";
#else
    constexpr char kName[] = "arch_sys_counter\n";
#endif
    char name[32] = {};
    const int file = open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    const ssize_t size = ::read(file, name, sizeof name - 1);
    close(file);
    return size > 0 && strcmp(name, kName) == 0;
}

}  // namespace

Clock::Pair Clock::pair(clockid_t clock) const {
    // Before the first rate nothing is known to be narrow: relaxed, as in soon().
    const bool known = StdAtomics::load(rate_, std::memory_order_relaxed) != 0;
    return narrowest_pair([this] { return ticks(); }, [clock] { return read(clock); },
                          [this, known](uint64_t width) { return known && nanoseconds(width) <= kNarrow; });
}

void Clock::start() {
    counter_ = kernel_trusts_counter();
    if (counter_) {
        origin_ = pair(CLOCK_MONOTONIC);
        Pair now = origin_;
        while (now.nanoseconds - origin_.nanoseconds < kFirstMeasurement) now = pair(CLOCK_MONOTONIC);
        if (measure(now)) return;
        counter_ =
            false;  // slower than 0.5 GHz (many aarch64 counters), or standing still: the vDSO's clock is right there
    }
    origin_ = pair(CLOCK_MONOTONIC);
    StdAtomics::store(rate_, uint64_t{1} << 32, std::memory_order_relaxed);  // a tick is a nanosecond; see measure()
}

bool Clock::measure(Pair monotonic) {
    const uint64_t ticks = monotonic.ticks - origin_.ticks;
    const uint64_t elapsed = monotonic.nanoseconds - origin_.nanoseconds;
    if (ticks == 0 || elapsed == 0) return false;
    // elapsed << 32 does not fit for long; the quotient of doubles is exact to 2^-53, better than the pairs are.
    const double rate = static_cast<double>(elapsed) / static_cast<double>(ticks) * 4294967296.0;
    if (rate < 1.0 || rate >= 8589934592.0) return false;
    // relaxed: single values; a reader may use the ones before.
    StdAtomics::store(measured_ticks_, ticks, std::memory_order_relaxed);
    StdAtomics::store(rate_, static_cast<uint64_t>(rate), std::memory_order_relaxed);
    return true;
}

uint64_t Clock::renew(Anchor& anchor, uint64_t now) {
    uint64_t lifetime = kAnchorLifetime;
    if (counter_) {
        const Pair monotonic = pair(CLOCK_MONOTONIC);
        measure(monotonic);
        const uint64_t measured = monotonic.nanoseconds - origin_.nanoseconds;
        if (measured < kAnchorLifetime / kTrust) lifetime = measured * kTrust;
    }
    const Pair wall = pair(CLOCK_REALTIME);
    const uint64_t rate = StdAtomics::load(rate_, std::memory_order_relaxed);
    anchor.ticks = wall.ticks;
    anchor.unix_nano = wall.nanoseconds;
    anchor.lifetime = (lifetime << 32 >> 4) / (rate >> 4 == 0 ? 1 : rate >> 4);
    // The reading is older than the anchor that was made for it, by whatever came between. To take the anchor's time
    // for it would put the start of a span, and with it its end, so much too late.
    const uint64_t behind = wall.ticks - now;
    return static_cast<int64_t>(behind) >= 0 ? wall.nanoseconds - nanoseconds(behind)
                                             : wall.nanoseconds + soon(now - wall.ticks);
}

}  // namespace spanring::ring
