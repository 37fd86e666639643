// SPDX-License-Identifier: Apache-2.0
//
// Writes rows of processes to the ledger on a thread of its own: a slow disk must not hold up the drain, or rings run
// full. In order; a ticket tells when a row is written, which a segment's final one must be before its file goes. A
// final row that cannot be written is tried again; one of a living process is not, the next one says more.
//
// Header bill: ledger.hpp, whose rows it queues; the drain includes it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "base/thread_progress.hpp"
#include "ledger/ledger.hpp"

namespace spanring::agent {

class LedgerWriter {
public:
    explicit LedgerWriter(Ledger* ledger);  // nullptr: everything counts as written. The ledger outlives the writer.
    ~LedgerWriter();                        // what was handed over is written, if it can be
    LedgerWriter(const LedgerWriter&) = delete;
    LedgerWriter& operator=(const LedgerWriter&) = delete;

    uint64_t update(ProcessRow row);  // returns its ticket
    bool written(uint64_t ticket) const;
    // The ledger could not be written the last time.
    bool refused() const { return refused_.load(std::memory_order_relaxed); }  // relaxed: a hint, nothing hangs on it

    // What the ledger knows of a process. Slow: it looks through all.
    std::optional<ProcessRow> find(const AccountId& account) const;

    void set_wake(std::function<void()> wake) { wake_ = std::move(wake); }  // before the first update

private:
    void run();
    bool write(const std::vector<ProcessRow>& rows);

    Ledger* const ledger_;
    std::function<void()> wake_;
    Mutex mutex_;
    std::condition_variable changed_;
    std::deque<ProcessRow> queue_ SPR_GUARDED_BY(mutex_);
    bool stop_ SPR_GUARDED_BY(mutex_) = false;
    uint64_t tickets_ SPR_GUARDED_BY(mutex_) = 0;
    std::atomic<uint64_t> written_{0};
    std::atomic<bool> refused_{false};
    ThreadProgress progress_{"ledger"};
    std::thread thread_;
};

}  // namespace spanring::agent
