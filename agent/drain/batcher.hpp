// SPDX-License-Identifier: Apache-2.0
//
// Forms batches and hands them to the exporters. A lane is a batch in the making: one lane for everything that is
// copied, whoever wrote it, and one of its own for each segment that is read without a copy (a request carries
// zero-copy bytes of one producer only). Drain thread only.
//
// Invariant: a submitted batch keeps the limits, except where one span alone is larger. Serials rise in the order of
// opening; a batch is outstanding from its opening until the drain thread took its acknowledgement.
//
// Header bill: it holds batches and the std::function of an exporter; the drain includes it.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "batch/acknowledgements.hpp"
#include "batch/batch.hpp"
#include "batch/exporter.hpp"
#include "drain/close_cause.hpp"

namespace spanring::agent {

struct ExportPlan;

struct BatchLimits {
    uint32_t spans = 8192;
    size_t bytes = 3584u << 10;  // receivers refuse more than 4 MiB, headers included
    std::chrono::milliseconds age{200};
    size_t in_a_pass = 256u << 10;  // bytes, of several batches where these are small
};

// What the batchers of one agent share: memory, and the numbers of batches, so that each is one batch's.
struct BatchSupply {
    std::atomic<uint64_t> last_serial{0};
    const std::shared_ptr<BufferPool> buffers = std::make_shared<BufferPool>();
};

class Batcher {
public:
    using Clock = std::chrono::steady_clock;

    class Lane {
    public:
        bool empty() const { return batch_ == nullptr; }
        Batch* batch() const { return batch_.get(); }
        std::shared_ptr<Batch> share() const { return batch_; }
        uint64_t serial() const { return serial_; }

    private:
        friend class Batcher;
        std::shared_ptr<Batch> batch_;  // nullptr: none is open
        uint64_t serial_ = 0;
        Clock::time_point since_;  // something of it may have waited
        uint8_t* free_ = nullptr;  // rest of the batch's last buffer
        size_t room_ = 0;
    };

    // The exporters outlive the batcher.
    Batcher(BatchLimits limits, std::vector<Exporter*> exporters,
            std::shared_ptr<BatchSupply> supply = std::make_shared<BatchSupply>());

    // What is submitted from now on goes by it.
    void follow(std::shared_ptr<const ExportPlan> plan);

    void set_waiter(AnswerWaiter& waiter) { acknowledgements_.set_waiter(waiter); }  // before the first batch
    void let_answers_wait(bool wait) { acknowledgements_.let_wait(wait); }           // the waiter is not told

    Lane& shared() { return shared_; }
    const Lane& shared() const { return shared_; }

    void begin_pass(Clock::time_point now) { now_ = since_ = now; }
    // What is put into batches from now on, in this pass, may have been there since then: by that a batch is old.
    void found_since(Clock::time_point since) { since_ = std::min(since, now_); }

    // The lane's open batch; opens one where there is none.
    Batch& open(Lane& lane);

    // Whether that many spans and bytes more keep the limits.
    bool fits(const Lane& lane, uint64_t spans, uint64_t bytes) const;

    // Whether the lane's batch may take that much memory more: spans that turn out to be invalid are in no run, and a
    // batch of many of them would keep no other limit.
    bool has_room(const Lane& lane, size_t bytes) const;

    // Memory that lives as long as the lane's open batch. Opens one.
    uint8_t* allocate(Lane& lane, size_t bytes);

    // Appends to the open batch. Joined with the run before, where the bytes follow it.
    void add_run(Lane& lane, const Run& run);
    // As add_run(), where the last run goes on; it costs no references. False: it does not, and nothing happened.
    bool extend_run(Lane& lane, const Producer* producer, const Scope* scope, std::span<const uint8_t> bytes,
                    uint32_t spans);

    void submit(Lane& lane, CloseCause cause = CloseCause::kOther);
    // The lane's batch has no place for so many spans more, or for their bytes.
    void submit_full(Lane& lane, uint64_t spans);
    // `next`: when more may come into it. One that is half as old, and would be due before that, is old by now.
    void submit_if_old(Lane& lane, Clock::time_point next = Clock::time_point::min());
    // When it is; not for a long time where the lane has none.
    Clock::time_point due(const Lane& lane) const {
        return lane.empty() ? Clock::time_point::max() : lane.since_ + limits_.age;
    }

    // Batches that all required exporters resolved. Each must go to finish() once it is booked.
    std::vector<std::shared_ptr<Batch>> take_resolved() { return acknowledgements_.take(); }
    uint64_t serial_of(const Batch& batch) const { return serials_.at(&batch); }
    void finish(const Batch& batch);

    uint64_t last_serial() const { return last_serial_; }  // of those opened here
    bool outstanding_until(uint64_t serial) const { return !outstanding_.empty() && *outstanding_.begin() <= serial; }
    bool is_outstanding(uint64_t serial) const { return outstanding_.contains(serial); }
    size_t outstanding() const { return outstanding_.size(); }
    std::chrono::milliseconds age() const { return limits_.age; }
    const CloseCounts& closed() const { return closed_; }
    // Bytes of batches that were full, and when a pass that begins now has filled enough.
    uint64_t filled() const { return filled_; }
    uint64_t enough_in_a_pass() const { return filled_ + std::max<uint64_t>(limits_.in_a_pass, 1); }
    void trim_buffers() { supply_->buffers->trim(); }
    BufferPool::Figures buffers() const { return supply_->buffers->figures(); }

    // Less than so many bytes may wait in rings at the moment; 0: one of the exporters has a use for more, or none is
    // waited for.
    uint64_t leaves_in_rings() const;

    const std::vector<Exporter*>& exporters() const { return exporters_; }

private:
    BatchLimits limits_;
    std::vector<Exporter*> exporters_;
    uint32_t required_ = 0;
    std::shared_ptr<const ExportPlan> plan_;  // null: of exporters that never change
    Acknowledgements acknowledgements_;
    const std::shared_ptr<BatchSupply> supply_;
    Lane shared_;
    Clock::time_point now_{};
    Clock::time_point since_{};
    uint64_t last_serial_ = 0;
    CloseCounts closed_{};
    uint64_t filled_ = 0;
    std::map<const Batch*, uint64_t> serials_;
    std::set<uint64_t> outstanding_;
};

}  // namespace spanring::agent
