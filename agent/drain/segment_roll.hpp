// SPDX-License-Identifier: Apache-2.0
//
// Which files are attached, from their attachment until their last row is written: the number of each, and how many
// each owner has. First drain thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include <sys/types.h>

#include "directory/served_folders.hpp"

namespace spanring::agent {

class SegmentRoll {
public:
    uint64_t next_source() const { return last_source_ + 1; }  // of what is added next

    void add(const FileKey& file, uid_t owner) {
        files_[file] = ++last_source_;
        ++owners_[owner];
    }
    void remove(const FileKey& file, uid_t owner) {
        if (files_.erase(file) == 0) return;
        if (const auto count = owners_.find(owner); --count->second == 0) owners_.erase(count);
    }

    // Nothing: it is not attached.
    std::optional<uint64_t> source_of(const FileKey& file) const {
        const auto found = files_.find(file);
        return found == files_.end() ? std::nullopt : std::optional(found->second);
    }

    size_t count_of(uid_t owner) const {
        const auto found = owners_.find(owner);
        return found == owners_.end() ? 0 : found->second;
    }
    size_t size() const { return files_.size(); }

private:
    std::map<FileKey, uint64_t> files_;
    std::map<uid_t, size_t> owners_;
    uint64_t last_source_ = 0;
};

}  // namespace spanring::agent
