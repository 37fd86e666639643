// SPDX-License-Identifier: Apache-2.0
#include "drain/ledger_writer.hpp"

#include <chrono>
#include <utility>

#include "base/named_thread.hpp"

namespace spanring::agent {

namespace {

constexpr std::chrono::seconds kRetryPause{1};

}  // namespace

LedgerWriter::LedgerWriter(Ledger* ledger) : ledger_(ledger) {
    if (ledger_ != nullptr) thread_ = named_thread("ledger", [this] { run(); });
}

LedgerWriter::~LedgerWriter() {
    if (!thread_.joinable()) return;
    {
        const MutexLock lock(mutex_);
        stop_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

uint64_t LedgerWriter::update(ProcessRow row) {
    if (ledger_ == nullptr) return 0;
    const MutexLock lock(mutex_);
    queue_.push_back(std::move(row));
    changed_.notify_one();
    return ++tickets_;
}

bool LedgerWriter::written(uint64_t ticket) const {
    // acquire: what the ledger did for it. Pairs with the release in run().
    return written_.load(std::memory_order_acquire) >= ticket;
}

std::optional<ProcessRow> LedgerWriter::find(const AccountId& account) const {
    if (ledger_ == nullptr) return std::nullopt;
    for (ProcessRow& row : ledger_->processes()) {
        if (row.account() == account) return std::move(row);
    }
    return std::nullopt;
}

bool LedgerWriter::write(const ProcessRow& row) {
    const bool done = ledger_->update(row);
    refused_.store(!done, std::memory_order_relaxed);
    return done;
}

void LedgerWriter::run() {
    MutexLock lock(mutex_);
    for (;;) {
        progress_.waiting();
        changed_.wait(lock.native(), [this]() SPR_REQUIRES(mutex_) { return stop_ || !queue_.empty(); });
        if (queue_.empty()) return;
        progress_.working();
        const ProcessRow row = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        while (!write(row) && row.finished) {
            lock.lock();
            progress_.waiting();
            // At the end the file stays where it is: the next agent writes its row.
            if (changed_.wait_for(lock.native(), kRetryPause, [this]() SPR_REQUIRES(mutex_) { return stop_; })) return;
            progress_.working();
            lock.unlock();
        }
        // release: pairs with the acquire in written(). relaxed would let a file be unlinked before its row is safe.
        written_.fetch_add(1, std::memory_order_release);
        if (row.finished && wake_) wake_();
        lock.lock();
    }
}

}  // namespace spanring::agent
