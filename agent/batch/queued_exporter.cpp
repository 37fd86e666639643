// SPDX-License-Identifier: Apache-2.0
#include "batch/queued_exporter.hpp"

#include <exception>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/named_thread.hpp"
#include "base/wall_clock.hpp"
#include "crash/alternate_stack.hpp"
#include "crash/crash_scope.hpp"

namespace spanring::agent {

QueuedExporter::QueuedExporter(std::string name, uint32_t index, bool required, const char* kind, Bounds bounds)
    : Exporter(std::move(name), index, required),
      thread_name_(std::string(kind) + "/" + this->name()),
      bounds_(bounds),
      progress_(thread_name_) {}

void QueuedExporter::start() {
    thread_ = named_thread(thread_name_, [this] { run(); });
}

void QueuedExporter::submit(std::shared_ptr<Batch> batch) {
    Outcome refusal = Outcome::kPending;
    {
        const MutexLock lock(mutex_);
        if (stopping_) {
            refusal = Outcome::kLeftBehind;
        } else if (!queue_.empty() && queue_bytes_ + batch->held() > bounds_.queue_bytes) {
            refusal = Outcome::kDroppedQueue;
            note_error("spans come faster than the disk takes them");
        }
        if (refusal == Outcome::kPending) {
            queue_.push_back(batch);  // first: it may fail
            queue_bytes_ += batch->held();
            status_.queued_spans += batch->spans;
            accepted_ += 1;
        } else if (!batch->partial) {
            status_.dropped += batch->spans;
        }
    }
    if (refusal == Outcome::kPending) {
        work_.notify_one();
    } else {
        resolve(batch, {refusal, 0});
    }
}

bool QueuedExporter::flush(Clock::time_point deadline) {
    MutexLock lock(mutex_);
    const uint64_t ticket = accepted_;
    return resolved_.wait_until(lock.native(), deadline, [&]() SPR_REQUIRES(mutex_) { return finished_ >= ticket; });
}

void QueuedExporter::shutdown(Clock::time_point deadline) {
    {
        const MutexLock lock(mutex_);
        if (!stopping_) stop_at_ = deadline;
        stopping_ = true;
    }
    work_.notify_one();
    if (thread_.joinable()) thread_.join();
}

ExporterStatus QueuedExporter::status() const {
    const MutexLock lock(mutex_);
    ExporterStatus status = status_;
    status.queued_bytes = queue_bytes_;
    status.queue_limit = bounds_.queue_bytes;
    return status;
}

// Empty: nothing came until tend() was due, or all is done and it is time to stop.
QueuedExporter::Batches QueuedExporter::next_group(MutexLock& lock) {
    work_.wait_until(lock.native(), tend_at(), [&]() SPR_REQUIRES(mutex_) { return stopping_ || !queue_.empty(); });
    Batches group;
    uint64_t bytes = 0;
    while (!queue_.empty() && (group.empty() || bytes + queue_.front()->held() <= bounds_.group_bytes)) {
        bytes += queue_.front()->held();
        group.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    queue_bytes_ -= bytes;
    return group;
}

void QueuedExporter::run() {
    const AlternateStack stack;
    const std::string place = kCrashInExporter + name();
    const CrashScope scope(place);
    for (;;) {
        MutexLock lock(mutex_);
        progress_.waiting();
        const Batches group = next_group(lock);
        progress_.working();
        const bool done = group.empty() && stopping_;
        const bool late = stopping_ && Clock::now() >= stop_at_;
        lock.unlock();
        if (done) return tend(true);
        if (late) {
            resolve_group(group, Outcome::kLeftBehind);
            continue;
        }
        if (!group.empty()) {
            size_t written = 0;
            begin_write(group);
            const Clock::time_point begun = Clock::now();
            try {
                write(group, written);
                well();
                written = group.size();
            } catch (const std::exception& error) {  // the disk, or memory; the agent and its other exporters go on
                trouble(error.what());
            }
            end_write(Clock::now() - begun);
            const std::span all(group);
            resolve_group(all.first(written), Outcome::kExported);
            resolve_group(all.subspan(written), Outcome::kDroppedQueue);
        }
        tend(false);
    }
}

void QueuedExporter::resolve_group(std::span<const std::shared_ptr<Batch>> group, Outcome outcome) {
    if (group.empty()) return;
    uint64_t spans = 0, partial = 0;
    for (const auto& batch : group) (batch->partial ? partial : spans) += batch->spans;
    for (const auto& batch : group) resolve(batch, {outcome, 0});
    const MutexLock lock(mutex_);
    (outcome == Outcome::kExported ? status_.exported : status_.dropped) += spans;
    if (outcome == Outcome::kExported) status_.partial += partial;
    status_.queued_spans -= spans + partial;
    finished_ += group.size();
    resolved_.notify_all();
}

void QueuedExporter::begin_write(const Batches& group) {
    const MutexLock lock(mutex_);
    for (const auto& batch : group) {
        measures_.sent(batch->spans, batch->bytes);
        measures_.waited(batch->opened, Clock::now());
    }
}

void QueuedExporter::end_write(Clock::duration took) {
    const MutexLock lock(mutex_);
    measures_.took(took);
}

std::optional<ExportMeasures> QueuedExporter::measures() const {
    const MutexLock lock(mutex_);
    return measures_;
}

void QueuedExporter::note_error(const std::string& error) {
    status_.last_error = error;
    status_.last_error_unix_nano = unix_nano();
}

void QueuedExporter::trouble(const std::string& error) {
    const MutexLock lock(mutex_);
    if (status_.healthy) spdlog::error("{}: cannot write, dropping spans until it works again: {}", name(), error);
    if (status_.healthy) status_.unhealthy_since_unix_nano = unix_nano();
    note_error(error);
    status_.healthy = false;
}

void QueuedExporter::well() {
    const MutexLock lock(mutex_);
    if (!status_.healthy) spdlog::info("{}: writing again", name());
    status_.healthy = true;
    status_.unhealthy_since_unix_nano = 0;
}

}  // namespace spanring::agent
