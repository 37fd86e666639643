// SPDX-License-Identifier: Apache-2.0
//
// Stands in for an exporter while that is replaced: keeps what comes, and what its predecessor leaves, for the
// successor. Beyond its bound submit() waits for that one, so the spans wait in their rings; whoever replaces an
// exporter sees to it that this is not for long.
//
// Header bill: an exporter with std::function and a condition; agent/reload alone includes it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "base/mutex.hpp"
#include "batch/exporter.hpp"

namespace spanring::agent {

class HeldExporter final : public Exporter {
public:
    HeldExporter(std::string name, uint32_t index, bool required, uint64_t most_bytes)
        : Exporter(std::move(name), index, required), most_bytes_(most_bytes) {}

    void submit(std::shared_ptr<Batch> batch) override;
    // What the predecessor does not get done: goes before everything that came here. Any thread, until hand_over().
    void inherit(std::shared_ptr<Batch> batch);
    // All of it, and from now on whatever still comes here. The successor outlives the last submit().
    void hand_over(Exporter& successor);

    bool flush(std::chrono::steady_clock::time_point) override { return false; }
    // Where there is no successor: everything stays for the next agent.
    void shutdown(std::chrono::steady_clock::time_point deadline) override;
    ExporterStatus status() const override;

private:
    const uint64_t most_bytes_;
    mutable Mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::shared_ptr<Batch>> inherited_ SPR_GUARDED_BY(mutex_);
    std::deque<std::shared_ptr<Batch>> held_ SPR_GUARDED_BY(mutex_);
    uint64_t bytes_ SPR_GUARDED_BY(mutex_) = 0;  // of both
    uint64_t spans_ SPR_GUARDED_BY(mutex_) = 0;
    Exporter* successor_ SPR_GUARDED_BY(mutex_) = nullptr;
    bool ended_ SPR_GUARDED_BY(mutex_) = false;
};

}  // namespace spanring::agent
