// SPDX-License-Identifier: Apache-2.0
//
// Whether a drain thread has so much more to do than another that it gives some of it away, and what: whole segments,
// and of them no more than half of what lies between the two. So one that keeps its thread busy alone stays, and the
// others leave it; and nothing is given back and forth.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace spanring::agent {

class WorkWindow {
public:
    using Time = std::chrono::steady_clock::time_point;
    using Nanoseconds = std::chrono::nanoseconds;

    static constexpr std::chrono::milliseconds kLength{100};
    static constexpr int kLeastPart = 2;      // busy for half of the time: below, everything is looked at in time
    static constexpr int kLeastDistance = 4;  // ... and a quarter of it more than the other

    bool is_over(Time now) const { return now - begin_ >= kLength; }

    struct Surplus {
        size_t to = 0;       // the thread that had least to do
        Nanoseconds most{};  // of work that it may get
    };
    // `work`: how long each thread has worked since it began. Begins the next window.
    std::optional<Surplus> close(size_t self, std::vector<Nanoseconds> work, Time now) {
        const std::vector<Nanoseconds> before = std::exchange(work_, std::move(work));
        const Nanoseconds length = now - std::exchange(begin_, now);
        if (before.size() != work_.size()) return std::nullopt;
        const auto done = [&](size_t thread) { return work_[thread] - before[thread]; };
        size_t idlest = self;
        for (size_t thread = 0; thread < work_.size(); ++thread)
            if (done(thread) < done(idlest)) idlest = thread;
        const Nanoseconds distance = done(self) - done(idlest);
        if (done(self) < length / kLeastPart || distance < length / kLeastDistance) return std::nullopt;
        return Surplus{idlest, distance / 2};
    }

private:
    Time begin_{};
    std::vector<Nanoseconds> work_;
};

struct SegmentWork {
    uint64_t source = 0;
    std::chrono::nanoseconds spent{};
};

// The largest that fit into `most`.
inline std::vector<uint64_t> worth_giving(std::vector<SegmentWork> segments, std::chrono::nanoseconds most) {
    constexpr size_t kMostAtOnce = 64;
    std::sort(segments.begin(), segments.end(), [](const auto& a, const auto& b) { return a.spent > b.spent; });
    std::vector<uint64_t> sources;
    for (const SegmentWork& segment : segments) {
        if (segment.spent == std::chrono::nanoseconds(0) || sources.size() == kMostAtOnce) break;
        if (segment.spent > most) continue;
        most -= segment.spent;
        sources.push_back(segment.source);
    }
    return sources;
}

}  // namespace spanring::agent
