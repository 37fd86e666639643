// SPDX-License-Identifier: Apache-2.0
//
// What the drain says of itself, for the log and the metrics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <numeric>

#include "base/mutex.hpp"
#include "batch/buffer_pool.hpp"
#include "drain/close_cause.hpp"

namespace spanring::agent {

// Counters since the agent started.
struct DrainStatus {
    uint64_t passes = 0;     // of the drain thread over what is due
    uint64_t held_back = 0;  // of these, that left spans where they are, for the exporters had enough
    uint64_t patient = 0;    // sleeps of the drain thread from which no answer wakes it
    uint64_t looks = 0;      // at segments
    uint64_t glances = 0;    // of these, at some words of one that sleeps
    uint64_t bells = 0;      // processes that woke the agent
    uint64_t spans = 0;      // taken out of segments
    uint64_t bytes = 0;
    uint64_t invalid = 0;   // of these, invalid and dropped
    uint64_t repaired = 0;  // strings that were not UTF-8
    CloseCounts closed{};   // batches, by why they were
    uint64_t attached = 0;  // ever
    uint64_t finished = 0;  // processes whose segment was drained and removed
    uint64_t refused = 0;   // files that were refused as segments
    uint64_t quarantined = 0;
    uint64_t moved = 0;        // segments that were given to another drain thread
    uint64_t given_back = 0;   // bytes of processes' memory, to the system
    uint64_t serving = 0;      // gauge: segments
    uint64_t asleep = 0;       // gauge: of these, those that would ring
    uint64_t outstanding = 0;  // gauge: batches that wait for an answer
    BufferPool::Figures buffers;

    uint64_t batches() const { return std::accumulate(closed.begin(), closed.end(), uint64_t{0}); }

    DrainStatus& operator+=(const DrainStatus& other) {
        passes += other.passes;
        held_back += other.held_back;
        patient += other.patient;
        looks += other.looks;
        glances += other.glances;
        bells += other.bells;
        spans += other.spans;
        bytes += other.bytes;
        invalid += other.invalid;
        repaired += other.repaired;
        for (size_t i = 0; i < closed.size(); ++i) closed[i] += other.closed[i];
        attached += other.attached;
        finished += other.finished;
        refused += other.refused;
        quarantined += other.quarantined;
        moved += other.moved;
        given_back += other.given_back;
        serving += other.serving;
        asleep += other.asleep;
        outstanding += other.outstanding;
        return *this;
    }
};

// The status after the last pass, for other threads.
class DrainStatusBoard {
public:
    void publish(const DrainStatus& status) {
        const MutexLock lock(mutex_);
        status_ = status;
    }
    DrainStatus latest() const {
        const MutexLock lock(mutex_);
        return status_;
    }

private:
    mutable Mutex mutex_;
    DrainStatus status_ SPR_GUARDED_BY(mutex_);
};

}  // namespace spanring::agent
