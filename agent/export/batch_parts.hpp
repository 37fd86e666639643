// SPDX-License-Identifier: Apache-2.0
//
// A batch that goes in several requests, out of memory: what became of its parts, until the last one is answered.
#pragma once

#include <cstddef>
#include <cstdint>

#include "batch/batch.hpp"

namespace spanring::agent {

class BatchParts {
public:
    void add(size_t parts) { open_ += parts; }

    // One part, of `spans`. True: it was the last.
    bool close(uint64_t spans, Resolution part) {
        switch (part.outcome) {
            case Outcome::kExported: exported_ += spans - part.rejected; break;
            case Outcome::kRejected: break;
            case Outcome::kDroppedQueue: dropped_ += spans; break;
            default: left_behind_ = true; break;
        }
        return --open_ == 0;
    }

    // A batch has one outcome. What was dropped beside what was exported counts as rejected; and a batch of which
    // anything is left is left as a whole, so that what was exported of it is exported again rather than lost.
    Resolution resolution(uint64_t spans) const {
        if (left_behind_) return {Outcome::kLeftBehind, 0};
        if (exported_ == 0) return {dropped_ != 0 ? Outcome::kDroppedQueue : Outcome::kRejected, 0};
        return {Outcome::kExported, spans - exported_};
    }

private:
    size_t open_ = 0;
    uint64_t exported_ = 0, dropped_ = 0;
    bool left_behind_ = false;
};

}  // namespace spanring::agent
