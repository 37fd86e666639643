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
#include <utility>

namespace spanring::agent {

struct PaceLimits {
    std::chrono::microseconds shortest{200};
    std::chrono::microseconds busy{1000};    // after memory was given back: whoever waited for it goes on
    std::chrono::microseconds idle{10'000};  // longest where something came lately
    // ... of a process that wakes the agent where more comes than before: as long as a batch may wait and a little
    // more, so that a look finds what is to be sent, but no less than the first and no more than the second of these.
    std::chrono::microseconds dozing_shortest{80'000};
    std::chrono::microseconds dozing{240'000};
    std::chrono::milliseconds awake{200};    // how lately: a bell costs about as much as so many idle looks
    std::chrono::milliseconds asleep{1000};  // to the look at one that would ring
    std::chrono::milliseconds deaf{200};     // at one that cannot
};

class Pace {
public:
    using Clock = std::chrono::steady_clock;

    // Of a segment of so many bytes.
    void aim_for(uint64_t ring) {
        aim_ = std::clamp(ring / 32, kLeastAim, kMostAim);
        dozing_aim_ = std::clamp(ring / kPartWhereDozing, aim_, std::max(aim_, kMostAimWhereDozing));
    }

    Clock::time_point due() const { return due_; }
    // A little early counts, so that many segments share a wake-up.
    Clock::time_point early() const { return due_ - interval_ / 8; }
    bool is_due(Clock::time_point now) const { return now >= early(); }
    void hurry(Clock::time_point now) { due_ = now; }

    // What is found at a look has come since then, but for what one that was cut has left: that fills batches, and is
    // to make none old.
    Clock::time_point looked_at() const { return looked_at_; }

    // After a look that gave so many bytes; `complete`: there was not more. `longest`: one of the limits.
    void looked(const PaceLimits& limits, uint64_t bytes, bool complete, std::chrono::microseconds longest,
                Clock::time_point now) {
        using std::chrono::microseconds;
        if (bytes != 0) last_ = now;
        looked_at_ = now;
        bytes += std::exchange(found_, 0);
        if (!complete) {
            found_ = bytes;
            due_ = now;
            return;
        }
        const auto since = std::chrono::duration_cast<microseconds>(now - std::exchange(ended_, now));
        const microseconds doubled = 2 * interval_;
        // It may have come early or late; whoever slept did not count.
        const microseconds took = since.count() > 0 ? std::min(since, doubled) : interval_;
        const auto pause_for = [&](uint64_t aim) {
            return microseconds(took.count() * static_cast<int64_t>(aim) /
                                static_cast<int64_t>(std::max<uint64_t>(bytes, 1)));
        };
        microseconds next = std::min({doubled, longest, pause_for(dozing_aim_)});
        if (next <= limits.idle) next = std::min({doubled, longest, pause_for(aim_)});
        interval_ = std::max(next, limits.shortest);
        due_ = shared(now + interval_);
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
        last_ = due_ = looked_at_ = ended_ = now;
    }

    // Something has begun to come, and the process rings again before it is much.
    void expect(const PaceLimits& limits, Clock::time_point now) {
        interval_ = limits.idle;
        last_ = looked_at_ = ended_ = now;
        due_ = now + interval_;
    }

    void not_before(Clock::time_point when) { due_ = std::max(due_, when); }
    void no_later_than(Clock::time_point when) { due_ = std::min(due_, when); }

private:
    // Where little comes, looks at many segments come together: a wake-up costs more than a look. Those of which all
    // is sent at each of them come at once, or there would be as many requests.
    Clock::time_point shared(Clock::time_point due) const {
        constexpr std::chrono::microseconds kFine{5'000}, kCoarse{160'000}, kCoarsest{1'000'000};
        if (interval_ < kFine) return due;
        if (interval_ >= kCoarse && interval_ <= kCoarsest) {
            due += interval_ / 8;  // it was early
            return due - due.time_since_epoch() % interval_;
        }
        const Clock::duration grid = interval_ < 4 * kFine ? kFine : 4 * kFine;
        const Clock::duration past = due.time_since_epoch() % grid;
        return past == Clock::duration::zero() ? due : due + (grid - past);
    }

    static constexpr uint64_t kLeastAim = 192 << 10;
    static constexpr uint64_t kMostAim = 384 << 10;
    static constexpr uint64_t kPartWhereDozing = 16;          // of a ring: half of what it rings for
    static constexpr uint64_t kMostAimWhereDozing = 1 << 20;  // no more than a batch

    uint64_t aim_ = kLeastAim;  // bytes a look
    uint64_t dozing_aim_ = kLeastAim;
    std::chrono::microseconds interval_{1000};
    Clock::time_point due_{};
    Clock::time_point last_{};       // when something came
    Clock::time_point looked_at_{};  // or it woke the agent
    Clock::time_point ended_{};      // the last look that was not cut, or it woke the agent
    uint64_t found_ = 0;             // bytes, since
};

}  // namespace spanring::agent
