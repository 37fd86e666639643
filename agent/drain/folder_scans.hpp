// SPDX-License-Identifier: Apache-2.0
//
// Goes through the names in the served folders from time to time: a part of each in a pass, from where the last pass
// stopped, so that one with a hundred thousand names holds nobody up. The longer that takes, the more seldom it is
// done. Drain thread only.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

#include "directory/served_folders.hpp"

namespace spanring::agent {

class FolderScans {
public:
    using Clock = std::chrono::steady_clock;
    using Time = Clock::time_point;

    FolderScans(Clock::duration period, std::chrono::seconds temporary_age)
        : period_(period), temporary_age_(temporary_age) {}

    // Calls visit(file, inode), which says whether it is done with it; if not, the file is the next pass's first. Calls
    // listed(number) when all names of a folder were visited. False: there is more of what has begun.
    template <class Visit, class Listed>
    bool step(ServedFolders& folders, Time now, Visit&& visit, Listed&& listed) {
        turns_.resize(folders.size());
        bool done = true;
        for (size_t number = 0; number < folders.size(); ++number) {
            Turn& turn = turns_[number];
            if (!folders[number].is_open()) {
                turn = {};  // a folder that is opened again is listed at once
                continue;
            }
            if (!turn.active && now < turn.due) continue;
            if (!turn.active) turn.begin(now);
            if (turn.next == turn.part.segments.size()) turn.take(folders[number].scan(kNamesAtOnce, temporary_age_));
            while (turn.next != turn.part.segments.size()) {
                ListedFile& file = turn.part.segments[turn.next];
                if (!visit(FileKey(number, file.name), file.inode)) break;
                ++turn.next;
            }
            if (turn.next == turn.part.segments.size() && turn.part.complete) {
                const bool failed = turn.part.failed;
                turn.end(now, period_);
                if (!failed) listed(number);
            } else {
                done = false;
            }
        }
        return done;
    }

    // Something may be there that nothing told of.
    void hurry() {
        for (Turn& turn : turns_) turn.hurry();
    }
    void hurry(size_t number) {
        if (number < turns_.size()) turns_[number].hurry();
    }

    // Every folder is due now, whatever it costs.
    void begin_anew() {
        for (Turn& turn : turns_) turn.due = {};
    }

    // When the next folder is to be listed.
    Time due() const {
        Time first = Time::max();
        for (const Turn& turn : turns_) first = std::min(first, turn.due);
        return first;
    }

private:
    static constexpr size_t kNamesAtOnce = 512;  // some 200 us
    // A name that is known takes some 0.4 us, so a folder takes a percent of a core at most, however full it is.
    static constexpr std::chrono::microseconds kPauseForAName{40};
    static constexpr std::chrono::milliseconds kSpacing{50};

    struct Turn {
        bool active = false;
        bool again = false;
        Time begun{};
        Time due{};
        size_t names = 0;  // of this listing, or the last one
        Listing part;
        size_t next = 0;  // in it

        Clock::duration pause(Clock::duration least) const {
            return names < kNamesAtOnce ? least : std::max<Clock::duration>(least, names * kPauseForAName);
        }
        void begin(Time now) {
            active = true;
            again = false;
            begun = now;
            names = 0;
            part = {};
            next = 0;
        }
        void take(Listing listing) {
            part = std::move(listing);
            names += part.segments.size();
            next = 0;
        }
        void end(Time now, Clock::duration period) {
            active = false;
            due = again ? begun + pause(kSpacing) : now + pause(period);
            part = {};
            next = 0;
        }
        void hurry() {
            again = true;
            if (!active) due = std::min(due, begun + pause(kSpacing));
        }
    };

    const Clock::duration period_;
    const std::chrono::seconds temporary_age_;
    std::vector<Turn> turns_;
};

}  // namespace spanring::agent
