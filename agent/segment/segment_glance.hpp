// SPDX-License-Identifier: Apache-2.0
//
// One segment looked at again and again, for little: after the first look, which is a probe, only what changes is
// copied: the agent's totals, the counter lines in use, and the words of extents and chunks. No slot is read, so what
// is open is what was started and has not ended; a number may be a step ahead of another one. How full a large ring is
// is looked at each kTurns looks: there are 16 lines an extent. A dead process is probed.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "ring/layout.hpp"
#include "segment/segment_copy.hpp"
#include "segment/segment_probe.hpp"

namespace spanring::agent {

class SegmentGlance {
public:
    explicit SegmentGlance(std::string name) : name_(std::move(name)) {}

    static constexpr uint64_t kTurns = 4;

    // In an open directory. False: the file is gone, or, where there is a problem(), it is no sound segment.
    bool look(int directory);

    const SegmentSnapshot& snapshot() const { return snapshot_; }
    const std::string& problem() const { return problem_; }

private:
    bool probe(int directory);
    bool refresh(int file);
    bool measure(int file, uint32_t extents);

    const std::string name_;
    ring::Header header_{};
    std::optional<SegmentCopy> copy_;  // once it was probed; its memory is used again
    ino_t inode_ = 0;
    uint64_t looks_ = 0;
    SegmentSnapshot snapshot_;
    std::string problem_;
};

}  // namespace spanring::agent
