// SPDX-License-Identifier: Apache-2.0
//
// When a segment is looked at next: so that a look finds about as much as a core's second cache holds and leaves most
// of the ring free, 0.2 to 2 ms under load, later where little comes, ever later where nothing does. A look costs the
// same however little it finds, and it takes the cache lines that the writer is writing to: never a poll of its tail.
// Where nothing has come for a while the agent sleeps, until it is woken; it looks from time to time nevertheless, for
// a bell may be lost.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace spanring::agent {

struct PaceLimits {
    std::chrono::microseconds shortest{200};
    std::chrono::microseconds busy{1000};      // after memory was given back: whoever waited for it goes on
    std::chrono::microseconds idle{10'000};    // longest where something came lately
    std::chrono::microseconds dozing{80'000};  // ... of a process that wakes the agent where more comes than before
    std::chrono::milliseconds awake{200};      // how lately: a bell costs about as much as so many idle looks
    std::chrono::milliseconds asleep{1000};    // to the look at one that would ring
    std::chrono::milliseconds deaf{200};       // at one that cannot
};

class Pace {
public:
    using Clock = std::chrono::steady_clock;

    // Of a segment of so many bytes.
    void aim_for(uint64_t ring) { aim_ = std::clamp(ring / 32, kLeastAim, kMostAim); }

    Clock::time_point due() const { return due_; }
    // A little early counts, so that many segments share a wake-up.
    Clock::time_point early() const { return due_ - interval_ / 8; }
    bool is_due(Clock::time_point now) const { return now >= early(); }
    void hurry(Clock::time_point now) { due_ = now; }

    // After a look that gave so many bytes; `complete`: there was not more. `longest`: one of the limits.
    void looked(const PaceLimits& limits, uint64_t bytes, bool complete, std::chrono::microseconds longest,
                Clock::time_point now) {
        using std::chrono::microseconds;
        if (bytes != 0) last_ = now;
        const auto doubled = 2 * static_cast<uint64_t>(interval_.count());
        const uint64_t wanted = static_cast<uint64_t>(interval_.count()) * aim_ / std::max<uint64_t>(bytes, 1);
        interval_ = microseconds(static_cast<microseconds::rep>(std::min(wanted, doubled)));
        interval_ = std::clamp(interval_, limits.shortest, longest);
        due_ = complete ? shared(now + interval_) : now;
    }

    void looked(const PaceLimits& limits, uint64_t bytes, bool complete, Clock::time_point now) {
        looked(limits, bytes, complete, limits.idle, now);
    }
    // The next look comes later than a burst could fill a ring.
    bool dozes(const PaceLimits& limits) const { return interval_ > limits.idle; }

    // Nothing came for a while.
    bool is_quiet(const PaceLimits& limits, Clock::time_point now) const { return now - last_ >= limits.awake; }
    void sleep(Clock::duration pause, Clock::time_point now) {
        interval_ = std::chrono::duration_cast<std::chrono::microseconds>(pause);
        due_ = now + interval_;
    }
    // Something is about to come.
    void wake(const PaceLimits& limits, Clock::time_point now) {
        interval_ = limits.shortest;
        last_ = due_ = now;
    }

    // Something has begun to come, and the process rings again before it is much.
    void expect(const PaceLimits& limits, Clock::time_point now) {
        interval_ = limits.idle;
        last_ = now;
        due_ = now + interval_;
    }

    void not_before(Clock::time_point when) { due_ = std::max(due_, when); }
    void no_later_than(Clock::time_point when) { due_ = std::min(due_, when); }

private:
    // Where little comes, looks at many segments come together: a wake-up costs more than a look.
    Clock::time_point shared(Clock::time_point due) const {
        constexpr std::chrono::microseconds kFine{5'000};
        if (interval_ < kFine) return due;
        const Clock::duration grid = interval_ < 4 * kFine ? kFine : 4 * kFine;
        const Clock::duration past = due.time_since_epoch() % grid;
        return past == Clock::duration::zero() ? due : due + (grid - past);
    }

    static constexpr uint64_t kLeastAim = 192 << 10;
    static constexpr uint64_t kMostAim = 384 << 10;

    uint64_t aim_ = kLeastAim;  // bytes a look
    std::chrono::microseconds interval_{1000};
    Clock::time_point due_{};
    Clock::time_point last_{};  // when something came
};

}  // namespace spanring::agent
