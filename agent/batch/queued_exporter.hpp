// SPDX-License-Identifier: Apache-2.0
//
// An exporter with one thread and one bounded queue, for what writes to this host: a database, a file.
//
// Invariants: a batch is resolved kExported only after write() has said that it is written. The queue is bounded in
// bytes; a batch that does not fit, or whose writing failed, is dropped and counted (kDroppedQueue), and the next ones
// are tried: a full disk may pass. Batches that came while the thread was busy are written together.
//
// Header bill: an exporter with its thread and std::function; the exporters of this host include it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "base/thread_progress.hpp"
#include "batch/exporter.hpp"

namespace spanring::agent {

class QueuedExporter : public Exporter {
public:
    void submit(std::shared_ptr<Batch> batch) final;
    bool flush(std::chrono::steady_clock::time_point deadline) final;
    void shutdown(std::chrono::steady_clock::time_point deadline) final;
    ExporterStatus status() const final;
    std::optional<ExportMeasures> measures() const final;

protected:
    using Batches = std::vector<std::shared_ptr<Batch>>;
    using Clock = std::chrono::steady_clock;

    struct Bounds {
        uint64_t queue_bytes;  // of what waits
        uint64_t group_bytes;  // of what is written together; a batch that is larger is written alone
    };

    // `kind`: of its thread, which is named KIND/NAME.
    QueuedExporter(std::string name, uint32_t index, bool required, const char* kind, Bounds bounds);

    // The last thing that the constructor of what derives does, and shutdown() the first of its destructor: the thread
    // calls what follows.
    void start();

    // All of the group, or an exception that says why not; ret_written of it, from the front, are to be relied on then.
    virtual void write(const Batches& group, size_t& ret_written) = 0;
    // When tend() is due though nothing came.
    virtual Clock::time_point tend_at() const = 0;
    // After each group, whenever it is due, and last of all (`end`). No exception leaves it.
    virtual void tend(bool end) = 0;

    // Any thread. What went wrong, for the log and the status; the next group that is written ends it.
    void trouble(const std::string& error);
    // It is over. A group that was written says so as well.
    void well();

private:
    void run();
    void begin_write(const Batches& group);
    void end_write(Clock::duration took);
    void note_error(const std::string& error) SPR_REQUIRES(mutex_);
    Batches next_group(MutexLock& lock) SPR_REQUIRES(mutex_);
    void resolve_group(std::span<const std::shared_ptr<Batch>> group, Outcome outcome);

    const std::string thread_name_;
    const Bounds bounds_;

    mutable Mutex mutex_;
    std::condition_variable work_;      // for the thread: something queued, or stopping
    std::condition_variable resolved_;  // for flush()
    std::deque<std::shared_ptr<Batch>> queue_ SPR_GUARDED_BY(mutex_);
    uint64_t queue_bytes_ SPR_GUARDED_BY(mutex_) = 0;
    uint64_t accepted_ SPR_GUARDED_BY(mutex_) = 0;  // batches ever queued
    uint64_t finished_ SPR_GUARDED_BY(mutex_) = 0;  // of these, resolved; in the same order
    bool stopping_ SPR_GUARDED_BY(mutex_) = false;
    Clock::time_point stop_at_ SPR_GUARDED_BY(mutex_);
    ExporterStatus status_ SPR_GUARDED_BY(mutex_);
    ExportMeasures measures_ SPR_GUARDED_BY(mutex_);

    ThreadProgress progress_;
    std::thread thread_;
};

}  // namespace spanring::agent
