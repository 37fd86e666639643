// SPDX-License-Identifier: Apache-2.0
//
// Prints spans to the console, as the Collector's `debug` exporter does. Has a thread of its own and a bounded queue,
// so a terminal that stops scrolling delays nobody; what does not fit is dropped and counted.
//
// Header bill: an exporter with its thread and std::function; main.cpp and its own .cpp include it.
#pragma once

#include <condition_variable>
#include <cstdio>
#include <deque>
#include <thread>

#include "base/mutex.hpp"
#include "base/thread_progress.hpp"
#include "batch/exporter.hpp"
#include "export/debug_options.hpp"

namespace spanring::agent {

class DebugExporter final : public Exporter {
public:
    // `out` stays the caller's.
    DebugExporter(std::string name, uint32_t index, bool required, const DebugOptions& options,
                  std::FILE* out = stdout);
    ~DebugExporter() override;

    void submit(std::shared_ptr<Batch> batch) override;
    bool flush(std::chrono::steady_clock::time_point deadline) override;
    void shutdown(std::chrono::steady_clock::time_point deadline) override;
    ExporterStatus status() const override;

private:
    struct Item {
        std::shared_ptr<Batch> batch;  // null: nothing waits for it
        std::string request;           // a copy: a mapping would be held for as long as the terminal is slow
        uint64_t spans = 0;
        size_t processes = 0;
        bool partial = false;
    };

    void run();
    Outcome print(const Item& item);
    bool put(std::string_view text);
    std::string render(const Item& item) const;

    const DebugOptions options_;
    std::FILE* const out_;

    mutable Mutex mutex_;
    std::condition_variable changed_;
    std::deque<Item> queue_ SPR_GUARDED_BY(mutex_);
    uint64_t queued_bytes_ SPR_GUARDED_BY(mutex_) = 0;
    uint64_t submitted_ SPR_GUARDED_BY(mutex_) = 0;  // batches
    uint64_t printed_ SPR_GUARDED_BY(mutex_) = 0;
    bool stopping_ SPR_GUARDED_BY(mutex_) = false;
    std::chrono::steady_clock::time_point stop_at_ SPR_GUARDED_BY(mutex_){};
    ExporterStatus status_ SPR_GUARDED_BY(mutex_);
    ThreadProgress progress_;
    std::thread thread_;
};

}  // namespace spanring::agent
