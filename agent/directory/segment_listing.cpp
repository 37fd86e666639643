// SPDX-License-Identifier: Apache-2.0
#include "directory/segment_listing.hpp"

#include <cerrno>

#include <spdlog/spdlog.h>

#include "base/error_text.hpp"
#include "ring/runtime_directory.hpp"

namespace spanring::agent {

namespace {

constexpr size_t kMostRemovals = 16;  // each costs several system calls, perhaps another process's

}  // namespace

Listing SegmentListing::next(int directory, const std::string& path, size_t most,
                             const std::function<bool(const char* name)>& remove) {
    Listing listing;
    if (!reader_.is_open() && !reader_.open(directory)) {
        spdlog::warn("{}: cannot be listed: {}", path, error_text(errno));
        listing.failed = true;
        return listing;
    }
    size_t removals = kMostRemovals;
    for (size_t seen = 0; seen < most; ++seen) {
        const dirent* entry = reader_.next();
        if (entry == nullptr) {
            listing.failed = reader_.failed();
            if (listing.failed) spdlog::warn("{}: only a part of it can be listed: {}", path, error_text(errno));
            return listing;
        }
        if (ring::parse_segment_name(entry->d_name, nullptr)) {
            listing.segments.push_back({entry->d_name, entry->d_ino});
        } else if (removals != 0 && ring::parse_temporary_name(entry->d_name, nullptr)) {
            --removals;
            if (remove(entry->d_name))
                spdlog::info("{}/{}: removed, its process died while it was being made", path, entry->d_name);
        }
    }
    listing.complete = false;
    return listing;
}

}  // namespace spanring::agent
