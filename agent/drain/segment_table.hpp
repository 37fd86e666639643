// SPDX-License-Identifier: Apache-2.0
//
// The segments of one drain thread, by the number of their attachment (the source in receipts). That thread only.
//
// A pass visits those that are awake. One that rests has nothing to do before its next look: no pass goes by it, so
// that a thousand idle processes cost a thousand looks, and not a thousand steps for each of them.
//
// Header bill: a row holds a whole AttachedSegment and the times of its looks; the drain's own files alone include it.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "directory/served_folders.hpp"
#include "drain/attached_segment.hpp"
#include "drain/last_row.hpp"
#include "drain/pace.hpp"

namespace spanring::agent {

struct ServedSegment {
    uint64_t source = 0;
    FileKey file;
    uid_t owner = 0;
    std::string path;  // for CrashScope
    std::unique_ptr<AttachedSegment> segment;
    Pace pace;
    Pace::Clock::time_point next_liveness{};
    Pace::Clock::time_point lain_down{};       // the agent sleeps over it since then, if it does
    const std::atomic<bool>* heard = nullptr;  // DirectoryWatch::hearing() of its folder
    uint32_t unheard_bells = 0;                // that a look found to be rung, in a row
    bool row_is_told = false;                  // to the ledger, as it was when something last moved
    LastRow row;
    std::chrono::nanoseconds spent{};  // on it since its thread last looked who has how much to do
    Pace::Clock::time_point stays_until{};

    bool may_rest = false;  // the last look found that there is nothing to do before the next one
    bool rests = false;     // of the table's own, as is the place
    size_t place = 0;

    // Whether what its process does is told.
    bool is_heard() const {
        // relaxed: a look comes nevertheless.
        return heard != nullptr && heard->load(std::memory_order_relaxed);
    }
    // Whether there may still be something to read in it.
    bool is_read() const { return segment->quarantined().empty(); }
    // Whether nothing of it will change any more.
    bool is_over() const { return segment->finished() || (!is_read() && segment->quiet()); }
};

class SegmentTable {
public:
    using Map = std::map<uint64_t, ServedSegment>;
    using Time = Pace::Clock::time_point;

    // Awake.
    ServedSegment& add(ServedSegment served) {
        const uint64_t source = served.source;
        ServedSegment& added = segments_.emplace(source, std::move(served)).first->second;
        wake(added);
        return added;
    }

    // nullptr: it is not here.
    ServedSegment* find(uint64_t source) {
        const auto found = segments_.find(source);
        return found == segments_.end() ? nullptr : &found->second;
    }

    // ---- Awake and at rest

    // Before something of it changes that a pass has to see.
    void rouse(ServedSegment& served) {
        if (!served.rests) return;
        leave(resting_, served.place);
        wake(served);
    }
    void rouse_due(Time now) {
        for (size_t at = 0; at < resting_.size();)  // another one takes the place of one that is roused
            resting_[at].early <= now ? rouse(*resting_[at].served) : void(++at);
    }
    void rouse_all() {
        while (!resting_.empty()) rouse(*resting_.back().served);
    }
    // Those that may rest, and of which `done` says that nothing waits.
    template <class Done>
    void let_rest(Done&& done) {
        for (size_t at = 0; at < awake_.size();) {
            ServedSegment& served = *awake_[at];
            if (!served.may_rest || !done(served)) {
                ++at;
                continue;
            }
            leave(awake_, at);
            served.rests = true;
            served.place = resting_.size();
            const AttachedSegment* const segment = served.segment.get();
            const bool asleep = segment != nullptr && segment->asleep() && !segment->dead();
            const bool expects = segment != nullptr && !segment->dozes() && segment->is_in_batches();
            resting_.push_back(
                {served.pace.early(), served.pace.due(), &served, asleep, asleep && served.row_is_told, expects});
        }
    }

    // Each that is awake, once, and maybe those that wake meanwhile; none may rest. Another one is first each time, so
    // that none is always last.
    template <class Visit>
    void visit_in_turn(Visit&& visit) {
        if (awake_.empty()) return;
        const size_t first = next_turn_ = next_turn_ % awake_.size();
        ++next_turn_;
        for (size_t i = first; i < awake_.size(); ++i) visit(*awake_[i]);
        for (size_t i = 0; i < first; ++i) visit(*awake_[i]);
    }
    const std::vector<ServedSegment*>& awake() const { return awake_; }
    // The first look at one that rests.
    Time next_look(Time latest) const {
        for (const Rest& rest : resting_) latest = std::min(latest, rest.due);
        return latest;
    }
    // Whether an answer may have one looked at that rests: what dozes has its time.
    bool rest_expects_answers() const {
        return std::any_of(resting_.begin(), resting_.end(), [](const Rest& rest) { return rest.expects; });
    }
    // Of those that rest, how many would ring.
    size_t asleep() const {
        return static_cast<size_t>(
            std::count_if(resting_.begin(), resting_.end(), [](auto& rest) { return rest.asleep; }));
    }

    // But for those over which the agent sleeps, and whose rows are told by now.
    template <class Visit>
    void visit_untold(Visit&& visit) {
        for (ServedSegment* served : awake_) visit(*served);
        for (Rest& rest : resting_) {
            if (rest.told) continue;
            visit(*rest.served);
            rest.told = rest.asleep;
        }
    }

    // ---- All

    // end(): it is not here.
    Map::iterator at(uint64_t source) { return segments_.find(source); }

    // The first one of a greater number.
    Map::iterator after(uint64_t source) { return segments_.upper_bound(source); }

    ServedSegment take(Map::iterator at) {
        rouse(at->second);
        leave(awake_, at->second.place);
        return std::move(segments_.extract(at).mapped());
    }

    bool empty() const { return segments_.empty(); }
    size_t size() const { return segments_.size(); }
    Map::iterator begin() { return segments_.begin(); }
    Map::iterator end() { return segments_.end(); }
    Map::const_iterator begin() const { return segments_.begin(); }
    Map::const_iterator end() const { return segments_.end(); }

private:
    // With its times, so that a pass reads these alone.
    struct Rest {
        Time early;
        Time due;
        ServedSegment* served;
        bool asleep;
        bool told;
        bool expects;  // an answer, when it lay down
    };
    static ServedSegment& served_of(const Rest& rest) { return *rest.served; }
    static ServedSegment& served_of(ServedSegment* served) { return *served; }

    void wake(ServedSegment& served) {
        served.rests = served.may_rest = false;
        served.place = awake_.size();
        awake_.push_back(&served);
    }
    // The last one takes its place.
    template <class Row>
    static void leave(std::vector<Row>& rows, size_t place) {
        rows[place] = rows.back();
        served_of(rows[place]).place = place;
        rows.pop_back();
    }

    Map segments_;
    std::vector<ServedSegment*> awake_;
    std::vector<Rest> resting_;
    size_t next_turn_ = 0;
};

}  // namespace spanring::agent
