// SPDX-License-Identifier: Apache-2.0
#include "store/store_exporter.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/named_thread.hpp"
#include "base/private_directory.hpp"
#include "crash/alternate_stack.hpp"
#include "crash/crash_scope.hpp"

namespace spanring::agent {
namespace {

constexpr uint64_t kGroups = 8;                       // at least as many fill the store: room is made a group at a time
constexpr uint64_t kGroupBytes = uint64_t{16} << 20;  // of one transaction; also what the log may grow by
constexpr std::chrono::seconds kSweep{30};            // how often age is looked at when nothing comes
constexpr std::chrono::seconds kOperations{1};        // how often what they did is written, at most
constexpr int kShareOfTime = 50;                      // and for that no more than one part in so many of the time

}  // namespace

StoreExporter::StoreExporter(std::string name, uint32_t index, bool required, StoreOptions options,
                             Operations operations)
    : Exporter(std::move(name), index, required),
      options_(std::move(options)),
      operations_(std::move(operations)),
      progress_("store/" + this->name()) {
    try {
        prepare_private_directory(std::filesystem::path(options_.path).parent_path().string());
        open();
    } catch (const std::system_error& error) {  // no room, or a disk that is read-only: it may pass
        trouble(error.what());
    } catch (const DatabaseError& error) {
        trouble(error.what());
    }
    writer_ = named_thread("store/" + this->name(), [this] { run(); });
}

StoreExporter::~StoreExporter() { shutdown(std::chrono::steady_clock::now()); }

void StoreExporter::submit(std::shared_ptr<Batch> batch) {
    Outcome refusal = Outcome::kPending;
    {
        const MutexLock lock(mutex_);
        if (stopping_) {
            refusal = Outcome::kLeftBehind;
        } else if (!queue_.empty() && queue_bytes_ + batch->held() > options_.queue_bytes) {
            refusal = Outcome::kDroppedQueue;
            status_.last_error = "spans come faster than the disk takes them";
        }
        if (refusal == Outcome::kPending) {
            queue_bytes_ += batch->held();
            status_.queued_spans += batch->spans;
            accepted_ += 1;
            queue_.push_back(std::move(batch));
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

bool StoreExporter::flush(std::chrono::steady_clock::time_point deadline) {
    MutexLock lock(mutex_);
    const uint64_t ticket = accepted_;
    return resolved_.wait_until(lock.native(), deadline, [&]() SPR_REQUIRES(mutex_) { return finished_ >= ticket; });
}

void StoreExporter::shutdown(std::chrono::steady_clock::time_point deadline) {
    {
        const MutexLock lock(mutex_);
        if (!stopping_) stop_at_ = deadline;
        stopping_ = true;
    }
    work_.notify_one();
    if (writer_.joinable()) writer_.join();
}

ExporterStatus StoreExporter::status() const {
    const MutexLock lock(mutex_);
    ExporterStatus status = status_;
    status.queued_bytes = queue_bytes_;
    return status;
}

uint64_t StoreExporter::evicted_spans() const {
    const MutexLock lock(mutex_);
    return evicted_;
}

// Empty: nothing came within the sweep interval, operations are due, or all is done and it is time to stop.
StoreExporter::Batches StoreExporter::next_group(MutexLock& lock) {
    auto until = std::chrono::steady_clock::now() + kSweep;
    if (operations_pending_) until = std::min(until, operations_due_);
    work_.wait_until(lock.native(), until, [&]() SPR_REQUIRES(mutex_) { return stopping_ || !queue_.empty(); });
    Batches group;
    uint64_t bytes = 0;
    const uint64_t most = std::min(kGroupBytes, options_.max_bytes / kGroups);
    while (!queue_.empty() && (group.empty() || bytes + queue_.front()->held() <= most)) {
        bytes += queue_.front()->held();
        group.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    queue_bytes_ -= bytes;
    return group;
}

void StoreExporter::run() {
    const AlternateStack stack;
    const std::string place = kCrashInExporter + name();
    const CrashScope scope(place);
    for (;;) {
        MutexLock lock(mutex_);
        progress_.waiting();
        const Batches group = next_group(lock);
        progress_.working();
        const bool done = group.empty() && stopping_;
        const bool late = stopping_ && std::chrono::steady_clock::now() >= stop_at_;
        lock.unlock();
        if (done) return put_operations();
        if (late) {
            resolve_group(group, Outcome::kLeftBehind, "");
            continue;
        }
        try {
            store(group);
            resolve_group(group, Outcome::kExported, "");
        } catch (const std::exception& error) {  // the disk, or memory; the agent and its other exporters go on
            resolve_group(group, Outcome::kDroppedQueue, error.what());
        }
        operations_pending_ |= !group.empty() && operations_;
        if (std::chrono::steady_clock::now() >= operations_due_) put_operations();
    }
}

// What keeps them from being written keeps spans from it too, and these say so.
void StoreExporter::put_operations() {
    if (!operations_ || !database_) return;
    const auto begin = std::chrono::steady_clock::now();
    try {
        database_->put_operations(operations_());
    } catch (const std::exception& error) {
        spdlog::debug("{}: what operations did is not written: {}", name(), error.what());
    }
    const auto end = std::chrono::steady_clock::now();
    operations_due_ = end + std::max<std::chrono::steady_clock::duration>(kOperations, kShareOfTime * (end - begin));
    operations_pending_ = false;
}

void StoreExporter::open() {
    make_private_directories(std::filesystem::path(options_.path).parent_path().string());
    uint64_t evicted = 0;
    try {
        database_.emplace(options_);
        evicted = database_->evicted_spans();
    } catch (const DatabaseError& error) {
        database_.reset();
        if (!error.damaged()) throw;
        Database::set_aside(options_.path, error.what());
        database_.emplace(options_);
    }
    const MutexLock lock(mutex_);
    evicted_ = evicted;
}

void StoreExporter::store(const Batches& group) {
    if (!database_) open();
    uint64_t evicted = 0;
    try {
        evicted = database_->add(group);
    } catch (const DatabaseError& error) {
        if (!error.damaged()) throw;
        database_.reset();
        Database::set_aside(options_.path, error.what());
        open();
        evicted = database_->add(group);
    }
    const MutexLock lock(mutex_);
    evicted_ += evicted;
}

void StoreExporter::trouble(const std::string& error) {
    if (status_.healthy) spdlog::error("{}: cannot store, dropping spans until it works again: {}", name(), error);
    status_.last_error = error;
    status_.healthy = false;
}

void StoreExporter::resolve_group(const Batches& group, Outcome outcome, const std::string& error) {
    uint64_t spans = 0, partial = 0;
    for (const auto& batch : group) (batch->partial ? partial : spans) += batch->spans;
    for (const auto& batch : group) resolve(batch, {outcome, 0});
    const MutexLock lock(mutex_);
    (outcome == Outcome::kExported ? status_.exported : status_.dropped) += spans;
    if (outcome == Outcome::kExported) status_.partial += partial;
    status_.queued_spans -= spans + partial;
    finished_ += group.size();
    if (!error.empty()) {
        trouble(error);
    } else if (outcome == Outcome::kExported && !group.empty()) {
        if (!status_.healthy) spdlog::info("{}: storing again", name());
        status_.healthy = true;
    }
    resolved_.notify_all();
}

}  // namespace spanring::agent
