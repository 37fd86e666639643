// SPDX-License-Identifier: Apache-2.0
//
// The segments of one drain thread, by the number of their attachment (the source in receipts). That thread only.
//
// Header bill: a row holds a whole AttachedSegment and the times of its looks; the drain's own files alone include it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

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
    const std::atomic<bool>* heard = nullptr;  // DirectoryWatch::hearing() of its folder
    uint32_t unheard_bells = 0;                // that a look found to be rung, in a row
    bool row_is_told = false;                  // to the ledger, as it was when something last moved
    LastRow row;
    std::chrono::nanoseconds spent{};  // on it since its thread last looked who has how much to do
    Pace::Clock::time_point stays_until{};

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

    ServedSegment& add(ServedSegment served) {
        const uint64_t source = served.source;
        return segments_.emplace(source, std::move(served)).first->second;
    }

    // nullptr: it is not here.
    ServedSegment* find(uint64_t source) {
        const auto found = segments_.find(source);
        return found == segments_.end() ? nullptr : &found->second;
    }

    // Each once. Another one is first each time, so that none is always last.
    template <class Visit>
    void visit_in_turn(Visit&& visit) {
        auto at = segments_.lower_bound(next_turn_);
        for (size_t i = 0; i < segments_.size(); ++i, ++at) {
            if (at == segments_.end()) at = segments_.begin();
            if (i == 0) next_turn_ = at->first + 1;
            visit(at->second);
        }
    }

    // end(): it is not here.
    Map::iterator at(uint64_t source) { return segments_.find(source); }

    // The first one of a greater number.
    Map::iterator after(uint64_t source) { return segments_.upper_bound(source); }

    ServedSegment take(Map::iterator at) { return std::move(segments_.extract(at).mapped()); }

    bool empty() const { return segments_.empty(); }
    size_t size() const { return segments_.size(); }
    Map::iterator begin() { return segments_.begin(); }
    Map::iterator end() { return segments_.end(); }
    Map::const_iterator begin() const { return segments_.begin(); }
    Map::const_iterator end() const { return segments_.end(); }

private:
    Map segments_;
    uint64_t next_turn_ = 0;
};

}  // namespace spanring::agent
