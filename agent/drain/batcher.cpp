// SPDX-License-Identifier: Apache-2.0
#include "drain/batcher.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "drain/export_plan.hpp"
#include "ring/testpoint.hpp"

namespace spanring::agent {

Batcher::Batcher(BatchLimits limits, std::vector<Exporter*> exporters, std::shared_ptr<BatchSupply> supply)
    : limits_(limits), exporters_(std::move(exporters)), supply_(std::move(supply)) {
    for (const Exporter* exporter : exporters_) required_ += exporter->required() ? 1 : 0;
}

void Batcher::follow(std::shared_ptr<const ExportPlan> plan) {
    plan_ = std::move(plan);
    limits_ = plan_->limits;
    exporters_ = plan_->exporters;
    required_ = static_cast<uint32_t>(plan_->required.size());
}

Batch& Batcher::open(Lane& lane) {
    if (lane.batch_ == nullptr) {
        lane.batch_ = std::make_shared<Batch>();
        lane.batch_->acknowledgements = &acknowledgements_;
        // relaxed: a number, and no more; what is in a batch goes other ways.
        lane.serial_ = last_serial_ = supply_->last_serial.fetch_add(1, std::memory_order_relaxed) + 1;
        lane.since_ = lane.batch_->opened = now_;
        lane.free_ = nullptr;
        lane.room_ = 0;
        serials_.emplace(lane.batch_.get(), lane.serial_);
        outstanding_.insert(lane.serial_);
    }
    lane.since_ = std::min(lane.since_, since_);
    return *lane.batch_;
}

bool Batcher::fits(const Lane& lane, uint64_t spans, uint64_t bytes) const {
    if (lane.batch_ != nullptr) {
        spans += lane.batch_->spans;
        bytes += lane.batch_->bytes;
    }
    return spans <= limits_.spans && bytes <= limits_.bytes;
}

bool Batcher::has_room(const Lane& lane, size_t bytes) const {
    return lane.batch_ == nullptr || lane.batch_->memory + bytes <= limits_.bytes;
}

uint8_t* Batcher::allocate(Lane& lane, size_t bytes) {
    Batch& batch = open(lane);
    if (bytes > lane.room_) {
        lane.room_ = std::max(bytes, BufferPool::kSize);
        if (bytes <= BufferPool::kSize)
            batch.buffers.push_back(supply_->buffers->take());
        else
            batch.buffers.push_back(std::make_unique_for_overwrite<uint8_t[]>(bytes));
        lane.free_ = batch.buffers.back().get();
    }
    uint8_t* place = lane.free_;
    lane.free_ += bytes;
    lane.room_ -= bytes;
    batch.memory += bytes;
    return place;
}

void Batcher::add_run(Lane& lane, const Run& run) {
    if (extend_run(lane, run.producer.get(), run.scope.get(), run.bytes, run.spans)) return;
    Batch& batch = open(lane);
    batch.spans += run.spans;
    batch.bytes += run.bytes.size();
    batch.runs.push_back(run);
}

bool Batcher::extend_run(Lane& lane, const Producer* producer, const Scope* scope, std::span<const uint8_t> bytes,
                         uint32_t spans) {
    Batch& batch = open(lane);
    if (batch.runs.empty()) return false;
    Run& last = batch.runs.back();
    const bool follows = last.bytes.data() + last.bytes.size() == bytes.data();
    if (!follows || last.producer.get() != producer || last.scope.get() != scope) return false;
    last.bytes = {last.bytes.data(), last.bytes.size() + bytes.size()};
    last.spans += spans;
    batch.spans += spans;
    batch.bytes += bytes.size();
    return true;
}

void Batcher::submit_full(Lane& lane, uint64_t spans) {
    if (lane.batch_ == nullptr) return;
    submit(lane, lane.batch_->spans + spans > limits_.spans ? CloseCause::kSpans : CloseCause::kBytes);
}

void Batcher::submit(Lane& lane, CloseCause cause) {
    if (lane.batch_ == nullptr) return;
    const std::shared_ptr<Batch> batch = std::exchange(lane.batch_, nullptr);
    ++closed_[static_cast<size_t>(cause)];
    if (cause == CloseCause::kSpans || cause == CloseCause::kBytes) filled_ += batch->held();
    batch->plan = plan_;
    // Nothing to send (all of it was invalid, or control records only), or nobody whose answer counts: resolved.
    if (batch->runs.empty() || required_ == 0) {
        if (!batch->runs.empty()) {
            for (Exporter* exporter : exporters_) exporter->submit(batch);
        }
        acknowledgements_.push(batch);
        return;
    }
    batch->open.store(required_, std::memory_order_relaxed);  // relaxed: the exporters' queues publish it
    for (Exporter* exporter : exporters_) exporter->submit(batch);
    SPR_TESTPOINT(batch_submitted);
}

void Batcher::submit_if_old(Lane& lane, Clock::time_point next) {
    if (lane.batch_ == nullptr) return;
    // A little early counts, so that it needs no wake-up beside that of a look.
    const std::chrono::milliseconds little = limits_.age / 16;
    const Clock::time_point due = this->due(lane);
    const bool comes_too_late = now_ >= due - limits_.age / 2 && next > due + little;
    if (now_ >= due - little || comes_too_late) submit(lane, CloseCause::kAge);
}

uint64_t Batcher::leaves_in_rings() const {
    if (required_ == 0) return 0;
    uint64_t bytes = std::numeric_limits<uint64_t>::max();
    for (const Exporter* exporter : exporters_) bytes = std::min(bytes, exporter->leaves_in_rings());
    return bytes;
}

void Batcher::finish(const Batch& batch) {
    const auto found = serials_.find(&batch);
    if (found == serials_.end()) return;
    outstanding_.erase(found->second);
    serials_.erase(found);
}

}  // namespace spanring::agent
