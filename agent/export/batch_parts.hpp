// SPDX-License-Identifier: Apache-2.0
//
// A batch that goes in several requests, out of memory: what became of its parts, until the last one is answered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "batch/batch.hpp"
#include "batch/priority.hpp"
#include "export/shares_in_turn.hpp"
#include "export/shipment.hpp"

namespace spanring::agent {

class BatchParts {
public:
    // What became of a part that did not go to the spool; one of the counts, or with `exported` also `rejected`.
    struct Ended {
        std::vector<spool::Share> shares;
        std::optional<Priority> lane;
        uint64_t exported = 0, rejected = 0, dropped = 0;
        uint64_t left = 0;  // behind; where the spool answers for the batch, that is dropped as well
    };

    void add(size_t parts) { open_ += parts; }

    // True: it was the last.
    bool close(std::vector<spool::Share> shares, std::optional<Priority> lane, uint64_t spans, Resolution resolution) {
        Ended ended{std::move(shares), lane};
        switch (resolution.outcome) {
            case Outcome::kExported:
                ended.exported = spans - resolution.rejected;
                ended.rejected = resolution.rejected;
                break;
            case Outcome::kRejected: ended.rejected = spans; break;
            case Outcome::kDroppedQueue: ended.dropped = spans; break;
            case Outcome::kSpooled: spooled_ = true; break;
            default:
                left_behind_ = true;
                ended.left = spans;
                break;
        }
        exported_ += ended.exported;
        dropped_ += ended.dropped;
        spans_ += spans;
        if (resolution.outcome != Outcome::kSpooled) ended_.push_back(std::move(ended));
        return --open_ == 0;
    }

    // A batch has one outcome. What was dropped beside what was exported counts as rejected; and a batch of which
    // anything is left is left as a whole, so that what was exported of it is exported again rather than lost. Where
    // the spool has any of it, that answers for all: the rest is booked as if it had come out of it (beside_spool()),
    // and what is left behind has no place any more, for the next agent would have the whole batch beside the spool.
    Resolution resolution(uint64_t spans) const {
        if (spooled_) return {Outcome::kSpooled, 0};
        if (left_behind_) return {Outcome::kLeftBehind, 0};
        if (exported_ == 0) return {dropped_ != 0 ? Outcome::kDroppedQueue : Outcome::kRejected, 0};
        return {Outcome::kExported, spans - exported_};
    }

    std::vector<Ended> beside_spool(const Batch& batch) const {
        std::vector<Ended> all = ended_;
        if (batch.spans > spans_) {  // a mapping whose bytes were gone
            const uint64_t gone = batch.spans - spans_;
            all.push_back({SharesInTurn(shares_of(batch.runs)).next(gone), std::nullopt, 0, 0, gone});
        }
        return all;
    }

private:
    size_t open_ = 0;
    uint64_t spans_ = 0, exported_ = 0, dropped_ = 0;
    std::vector<Ended> ended_;
    bool spooled_ = false, left_behind_ = false;
};

}  // namespace spanring::agent
