// SPDX-License-Identifier: Apache-2.0
//
// The embedded default: keeps batches in a local SQLite file, bounded by size and age, for the `spanring` command.
//
// What operations did, measured of all spans elsewhere, is written beside them, at most once a second. What is removed
// for size or age was exported before: it is counted apart.
//
// Header bill: a thread, its queue and its database, and a function; main.cpp alone makes one.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "batch/queued_exporter.hpp"
#include "store/span_store.hpp"
#include "store/store_options.hpp"

namespace spanring::agent {

class StoreExporter final : public QueuedExporter {
public:
    // Opens or creates the file, and sets it aside where it is damaged; a disk without room may pass. Throws
    // std::runtime_error where others can write to its directory. `operations`: what was measured so far; is called by
    // the writer, and lives until shutdown() has returned.
    using Operations = std::function<OperationTable()>;
    StoreExporter(std::string name, uint32_t index, bool required, StoreOptions options, Operations operations = {});
    ~StoreExporter() override;

    uint64_t evicted_spans() const;  // removed for size or age since the file was made

private:
    void write(const Batches& group, size_t& ret_written) override;
    Clock::time_point tend_at() const override;
    void tend(bool end) override;

    void open();
    void add(const Batches& group);
    void put_operations();

    const StoreOptions options_;

    // The thread's own.
    std::optional<SpanStore> database_;  // none: it could not be opened; the next batch tries again
    const Operations operations_;
    OperationTable written_;              // of these, when the file was set aside
    Clock::time_point operations_due_{};  // not before that
    bool operations_pending_ = false;     // something was stored since
    Clock::time_point sweep_at_;          // age is looked at then, if nothing comes

    // Relaxed: a number that is read beside the thread, and orders nothing.
    std::atomic<uint64_t> evicted_{0};
};

}  // namespace spanring::agent
