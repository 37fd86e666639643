// SPDX-License-Identifier: Apache-2.0
#include "batch/held_exporter.hpp"

#include <utility>

namespace spanring::agent {

void HeldExporter::submit(std::shared_ptr<Batch> batch) {
    MutexLock lock(mutex_);
    changed_.wait(lock.native(), [&]() SPR_REQUIRES(mutex_) {
        return successor_ != nullptr || ended_ || held_.empty() || bytes_ + batch->held() <= most_bytes_;
    });
    if (successor_ != nullptr) return successor_->submit(std::move(batch));
    if (ended_) return resolve(batch, {Outcome::kLeftBehind, 0});
    bytes_ += batch->held();
    spans_ += batch->spans;
    held_.push_back(std::move(batch));
}

void HeldExporter::inherit(std::shared_ptr<Batch> batch) {
    const MutexLock lock(mutex_);
    bytes_ += batch->held();
    spans_ += batch->spans;
    inherited_.push_back(std::move(batch));
}

void HeldExporter::hand_over(Exporter& successor) {
    {
        const MutexLock lock(mutex_);
        for (auto* const batches : {&inherited_, &held_}) {
            for (std::shared_ptr<Batch>& batch : *batches) successor.submit(std::move(batch));
            batches->clear();
        }
        bytes_ = spans_ = 0;
        successor_ = &successor;
    }
    changed_.notify_all();
}

void HeldExporter::shutdown(std::chrono::steady_clock::time_point) {
    {
        const MutexLock lock(mutex_);
        ended_ = true;
        for (auto* const batches : {&inherited_, &held_}) {
            for (const std::shared_ptr<Batch>& batch : *batches) resolve(batch, {Outcome::kLeftBehind, 0});
            batches->clear();
        }
        bytes_ = spans_ = 0;
    }
    changed_.notify_all();
}

ExporterStatus HeldExporter::status() const {
    const MutexLock lock(mutex_);
    ExporterStatus status;
    status.queued_spans = spans_;
    status.queued_bytes = bytes_;
    return status;
}

}  // namespace spanring::agent
