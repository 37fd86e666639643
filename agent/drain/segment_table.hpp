// SPDX-License-Identifier: Apache-2.0
//
// The segments that the drainer serves, by the number of their attachment (the source in receipts) and by their file.
// Drain thread only.
//
// Header bill: a row holds a whole AttachedSegment and the times of its looks; drainer.hpp alone includes it.
#pragma once

#include <algorithm>
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
    FileKey file;
    uid_t owner = 0;
    std::string path;  // for CrashScope
    std::unique_ptr<AttachedSegment> segment;
    Pace pace;
    Pace::Clock::time_point next_liveness{};
    uint32_t unheard_bells = 0;  // that a look found to be rung, in a row
    bool row_is_told = false;    // to the ledger, as it was when something last moved
    LastRow row;

    // Whether there may still be something to read in it.
    bool is_read() const { return !row.closing() && segment->quarantined().empty(); }
};

class SegmentTable {
public:
    using Map = std::map<uint64_t, ServedSegment>;

    uint64_t next_source() const { return last_source_ + 1; }  // of what is added next

    ServedSegment& add(FileKey file, uid_t owner, std::string path, std::unique_ptr<AttachedSegment> segment) {
        files_[file] = ++last_source_;
        ++owners_[owner];
        ServedSegment& served = segments_[last_source_];
        served.file = std::move(file);
        served.owner = owner;
        served.path = std::move(path);
        served.segment = std::move(segment);
        return served;
    }

    // nullptr: it is not served.
    ServedSegment* find(const FileKey& file) {
        const auto found = files_.find(file);
        return found == files_.end() ? nullptr : &segments_.at(found->second);
    }
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

    size_t count_of(uid_t owner) const {
        const auto found = owners_.find(owner);
        return found == owners_.end() ? 0 : found->second;
    }

    // A final row is on its way.
    bool any_closing() const {
        return std::any_of(segments_.begin(), segments_.end(),
                           [](const auto& item) { return item.second.row.closing(); });
    }

    // The first one of a greater number.
    Map::iterator after(uint64_t source) { return segments_.upper_bound(source); }

    Map::iterator erase(Map::iterator at) {
        if (const auto owner = owners_.find(at->second.owner); --owner->second == 0) owners_.erase(owner);
        files_.erase(at->second.file);
        return segments_.erase(at);
    }

    size_t size() const { return segments_.size(); }
    Map::iterator begin() { return segments_.begin(); }
    Map::iterator end() { return segments_.end(); }
    Map::const_iterator begin() const { return segments_.begin(); }
    Map::const_iterator end() const { return segments_.end(); }

private:
    Map segments_;
    std::map<FileKey, uint64_t> files_;
    std::map<uid_t, size_t> owners_;  // how many each has
    uint64_t last_source_ = 0;
    uint64_t next_turn_ = 0;
};

}  // namespace spanring::agent
