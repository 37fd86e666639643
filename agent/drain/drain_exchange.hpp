// SPDX-License-Identifier: Apache-2.0
//
// What drain threads leave for each other, and others for them: segments that change hands, answers to what an earlier
// owner of a segment had sent, hints at files, rules. And where each segment is.
//
// Invariants: a segment is in one thread's table, in one letter, or among those that have ended. It changes hands only
// between two passes, and never by a thread that has an unread letter which concerns it, but for hints, which go along:
// so none of these concerns a segment that is somewhere else by the time it is read. A letter that is written after a
// segment was handed over finds its new owner, and is read after the segment was.
//
// Header bill: letters hold whole segments; the drain's own files alone include it.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "batch/batch.hpp"
#include "drain/answer_shares.hpp"
#include "drain/export_plan.hpp"
#include "drain/segment_table.hpp"
#include "drain/wake_up.hpp"
#include "sampling/sampling_rule.hpp"

namespace spanring::agent {

// What became of the part of a batch that is one segment's, after that segment changed hands.
struct SegmentAnswer {
    uint64_t source = 0;
    uint64_t serial = 0;  // of the batch
    bool left_behind = false;
    std::vector<std::pair<Receipt, Resolutions>> pieces;
    std::shared_ptr<const void> plan;  // of the batch, likewise
};

struct DrainLetters {
    std::vector<ServedSegment> segments;  // theirs who reads it from now on; to be taken before the rest is read
    std::vector<SegmentAnswer> answers;
    std::vector<uint64_t> hints;  // sources
    std::vector<InstanceId> distrusted;
    std::shared_ptr<const SamplingRules> rules;  // null: as they were
    std::shared_ptr<const ExportPlan> plan;      // likewise; of all segments, those that come with it too

    bool empty() const {
        return segments.empty() && answers.empty() && hints.empty() && distrusted.empty() && rules == nullptr &&
               plan == nullptr;
    }
    // What is said of that segment, or of all; but for hints, of which a process makes as many as it likes.
    bool concern(uint64_t source) const {
        return rules != nullptr || plan != nullptr || !distrusted.empty() ||
               std::any_of(answers.begin(), answers.end(), [&](const auto& answer) { return answer.source == source; });
    }
};

class DrainExchange {
public:
    using Nanoseconds = std::chrono::nanoseconds;

    static constexpr size_t kFirst = 0;

    // `plan`: that they all follow to begin with; may be null. Throws std::runtime_error.
    explicit DrainExchange(size_t threads, std::shared_ptr<const ExportPlan> plan = nullptr);

    size_t threads() const { return desks_.size(); }
    WakeUp& wake_up(size_t thread) { return desks_[thread]->wake_up; }
    void wake_all();

    // ---- Any thread ----

    void distrust(const InstanceId& instance);  // a zero-copy request of it failed
    // For who waits for a flush: that nothing changes hands any more but what is new, and whether all of it has
    // arrived.
    void hold_still(bool still);
    bool arrived() const;
    bool empty() const;  // nothing was left that is not read yet
    void tell_plan(const std::shared_ptr<const ExportPlan>& plan);
    bool all_follow(uint64_t plan) const;  // nobody uses an earlier one any more

    // ---- The first drain thread ----

    std::shared_ptr<const ExportPlan> plan() const;  // the newest
    // A new one, to the thread that has the fewest. `plan`: for whose exporters it counts so far.
    void share_out(ServedSegment served, const std::shared_ptr<const ExportPlan>& plan = nullptr);
    void hint(uint64_t source);
    void tell_rules(const std::shared_ptr<const SamplingRules>& rules);
    std::vector<ServedSegment> take_ended();

    // ---- Each drain thread, by its number ----

    DrainLetters take(size_t thread);
    // False: not now, and it stays where it is.
    bool hand_over(size_t from, size_t to, ServedSegment& served);
    // The thread has read that letter, and let go of the plan before.
    void follows(size_t thread, uint64_t plan) {
        // release: what the thread did by the plan before. Pairs with the acquire in all_follow(). Without it an
        // exporter could be deleted under the last submit().
        desks_[thread]->plan.store(plan, std::memory_order_release);
    }
    // To whoever has the segment; nobody, if it has ended.
    void forward(size_t from, SegmentAnswer answer);
    // Nothing of it will change any more.
    void end(size_t from, ServedSegment served);

    // How long each has worked since it began. relaxed: a hint, nothing hangs on it.
    void worked(size_t thread, Nanoseconds time) {
        desks_[thread]->worked.fetch_add(time.count(), std::memory_order_relaxed);
    }
    std::vector<Nanoseconds> work() const;

private:
    struct Desk {
        WakeUp wake_up;
        std::atomic<int64_t> worked{0};
        std::atomic<uint64_t> plan{0};
    };

    void ring(size_t from, size_t to);

    std::vector<std::unique_ptr<Desk>> desks_;
    mutable Mutex mutex_;
    std::vector<DrainLetters> letters_ SPR_GUARDED_BY(mutex_);  // for each thread
    std::shared_ptr<const ExportPlan> plan_ SPR_GUARDED_BY(mutex_);
    std::vector<size_t> counts_ SPR_GUARDED_BY(mutex_);         // segments that are its, or on their way to it
    std::map<uint64_t, size_t> places_ SPR_GUARDED_BY(mutex_);  // whose each segment is, likewise
    std::vector<ServedSegment> ended_ SPR_GUARDED_BY(mutex_);
    uint32_t still_ SPR_GUARDED_BY(mutex_) = 0;  // how many want it
};

}  // namespace spanring::agent
