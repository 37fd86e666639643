// SPDX-License-Identifier: Apache-2.0
//
// The embedded default: keeps batches in a local SQLite file, bounded by size and age, for the `spanring` command.
//
// Invariants: a batch is resolved kExported only after the commit that holds it. The queue is bounded in bytes; a batch
// that does not fit, or that the disk refused, is dropped and counted (kDroppedQueue). One thread writes; batches that
// came while it was busy share a transaction. What operations did, measured of all spans elsewhere, is written beside
// them, at most once a second. What is removed for size or age was exported before: it is counted apart.
//
// Header bill: a thread, its queue and its database, and a function; main.cpp alone makes one.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "base/thread_progress.hpp"
#include "batch/exporter.hpp"
#include "store/span_store.hpp"
#include "store/store_options.hpp"

namespace spanring::agent {

class StoreExporter final : public Exporter {
public:
    // Opens or creates the file, and sets it aside where it is damaged; a disk without room may pass. Throws
    // std::runtime_error where others can write to its directory. `operations`: what was measured so far; is called by
    // the writer, and lives until shutdown() has returned.
    using Operations = std::function<OperationTable()>;
    StoreExporter(std::string name, uint32_t index, bool required, StoreOptions options, Operations operations = {});
    ~StoreExporter() override;

    void submit(std::shared_ptr<Batch> batch) override;
    bool flush(std::chrono::steady_clock::time_point deadline) override;
    void shutdown(std::chrono::steady_clock::time_point deadline) override;
    ExporterStatus status() const override;

    uint64_t evicted_spans() const;  // removed for size or age since the file was made

private:
    using Batches = std::vector<std::shared_ptr<Batch>>;

    void run();
    Batches next_group(MutexLock& lock) SPR_REQUIRES(mutex_);
    void open();
    void store(const Batches& group);
    void put_operations();
    void trouble(const std::string& error) SPR_REQUIRES(mutex_);
    void resolve_group(const Batches& group, Outcome outcome, const std::string& error);

    const StoreOptions options_;

    // The writer thread's own.
    std::optional<SpanStore> database_;  // none: it could not be opened; the next batch tries again
    const Operations operations_;
    std::chrono::steady_clock::time_point operations_due_{};  // not before that
    bool operations_pending_ = false;                         // something was stored since

    mutable Mutex mutex_;
    std::condition_variable work_;      // for the writer: something queued, or stopping
    std::condition_variable resolved_;  // for flush()
    std::deque<std::shared_ptr<Batch>> queue_ SPR_GUARDED_BY(mutex_);
    uint64_t queue_bytes_ SPR_GUARDED_BY(mutex_) = 0;
    uint64_t accepted_ SPR_GUARDED_BY(mutex_) = 0;  // batches ever queued
    uint64_t finished_ SPR_GUARDED_BY(mutex_) = 0;  // of these, resolved; in the same order
    uint64_t evicted_ SPR_GUARDED_BY(mutex_) = 0;
    bool stopping_ SPR_GUARDED_BY(mutex_) = false;
    std::chrono::steady_clock::time_point stop_at_ SPR_GUARDED_BY(mutex_);
    ExporterStatus status_ SPR_GUARDED_BY(mutex_);

    ThreadProgress progress_;
    std::thread writer_;
};

}  // namespace spanring::agent
