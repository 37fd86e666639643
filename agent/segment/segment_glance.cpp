// SPDX-License-Identifier: Apache-2.0
#include "segment/segment_glance.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <variant>

#include "base/foreign_file.hpp"
#include "ring/attach.hpp"
#include "ring/counter_sums.hpp"
#include "ring/runtime_directory.hpp"
#include "segment/segment_lock.hpp"

namespace spanring::agent {

bool SegmentGlance::look(int directory) {
    problem_.clear();
    const Descriptor file = open_foreign(directory, name_.c_str(), O_RDONLY);
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0) return false;
    if (copy_ && status.st_ino == inode_ && process_liveness(file.get()) != Liveness::kDead) {
        snapshot_.memory_bytes = 512 * static_cast<uint64_t>(status.st_blocks);
        return refresh(file.get());
    }
    if (!probe(directory)) return false;
    // What is at rest for ever is probed each time.
    copy_.reset();
    struct stat owner {};
    uint8_t instance[16];
    uint64_t size = 0;
    if (snapshot_.alive && ::fstat(directory, &owner) == 0 && ring::parse_segment_name(name_.c_str(), instance) &&
        ring::check_segment_file(file.get(), owner.st_uid, size).ok() &&
        ring::read_segment_header(file.get(), size, instance, header_).ok()) {
        copy_.emplace(header_);
        inode_ = status.st_ino;
    }
    return true;
}

bool SegmentGlance::probe(int directory) {
    auto probed = probe_segment(directory, name_);
    if (auto* const problem = std::get_if<std::string>(&probed)) {
        problem_ = ::faccessat(directory, name_.c_str(), F_OK, 0) == 0 ? std::move(*problem) : "";
        return false;
    }
    snapshot_ = std::move(std::get<SegmentSnapshot>(probed));
    return true;
}

bool SegmentGlance::refresh(int file) {
    SegmentCopy& copy = *copy_;
    const ring::SegmentView view = copy.view();
    bool whole = copy.copy(file, ring::kControlOffset, ring::kResourceOffset - ring::kControlOffset);
    const uint32_t lines = std::min(view.writer().counter_lines, ring::kCounterLines);
    const uint32_t extents = std::min(view.writer().extents, header_.extent_limit);
    whole = whole && copy.copy(file, ring::kCountersOffset, uint64_t{lines} * ring::kCounterLineSize);
    // In turns: not all of many in the same look.
    const bool turn = (++looks_ + inode_) % kTurns == 0;
    if (turn || extents <= ring::kExtentsPerGroup) whole = whole && measure(file, extents);
    if (!whole) {
        problem_ = "it became shorter while it was read";
        copy_.reset();
        return false;
    }
    snapshot_.attached = view.control().attachments != 0;
    snapshot_.quarantined = (view.control().policy & ring::PolicyBits::kRetired) != 0;
    snapshot_.moving = true;
    snapshot_.given_back_bytes = view.writer().given_back;
    snapshot_.writer = ring::sum_counters(view);
    const auto counter = [&](ring::Counter which) { return snapshot_.writer[static_cast<size_t>(which)]; };
    const uint64_t started = counter(ring::Counter::kStarted);
    snapshot_.open = started - std::min(started, counter(ring::Counter::kEnded));
    snapshot_.agent = view.control().totals;
    return true;
}

// Of the first so many extents. False: the file is shorter.
bool SegmentGlance::measure(int file, uint32_t extents) {
    SegmentCopy& copy = *copy_;
    if (!copy.copy(file, ring::kExtentWordsOffset, uint64_t{extents} * sizeof(uint64_t))) return false;
    for (uint32_t first = 0; first < extents; first += ring::kExtentsPerGroup) {
        const uint32_t here = std::min(extents - first, ring::kExtentsPerGroup);
        if (!copy.copy(file, ring::group_offset(first / ring::kExtentsPerGroup) + ring::kLinesOffset,
                       uint64_t{here} * ring::kChunksPerExtent * sizeof(ring::ChunkLine)))
            return false;
    }
    // Words and lines of huge places, where there are any.
    if (!copy.copy(file, ring::kHugeLinesOffset, ring::kHugeMarksOffset - ring::kHugeLinesOffset)) return false;
    ring::ExtentMap map(header_);
    map.salvage(copy.view(), extents);
    measure_ring(copy.view(), map, snapshot_);
    return true;
}

}  // namespace spanring::agent
