// SPDX-License-Identifier: Apache-2.0
//
// Epoch-based reclamation, one domain for each segment: when a chunk may be written again although zero-copy batches
// pointed into it. A batch pins the epoch in which it is *formed* (not in which it is sent: it may wait in a queue); a
// chunk retired in epoch e is free in e + 2. The epoch moves from e to e + 1 only when no pin of e - 1 is left, so at
// e + 2 there is none of e or before. One step is not enough: a pin of e does not hold back e + 1.
//
// The drain thread pins, retires and advances; pins are dropped on any thread, after the domain too.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "batch/batch.hpp"

namespace spanring::agent {

class EpochDomain {
public:
    static constexpr uint64_t kGrace = 2;

    EpochDomain() : counts_(std::make_shared<Counts>()) {}

    // `memory` lives at least as long as the pin.
    std::shared_ptr<Pin> pin(std::shared_ptr<const void> memory);

    // The tag of something that no new batch will point to.
    uint64_t retire() const { return epoch_; }
    bool reclaimable(uint64_t retired) const { return epoch_ >= retired + kGrace; }

    // One step, if the pins allow it.
    bool try_advance();

    uint64_t epoch() const { return epoch_; }

private:
    // Of the epochs e - 1, e and (when it moves) e + 1.
    struct Counts {
        std::array<std::atomic<uint64_t>, 3> pins{};
    };
    class EpochPin;

    std::shared_ptr<Counts> counts_;
    uint64_t epoch_ = 3;  // no underflow of e - 1
};

}  // namespace spanring::agent
