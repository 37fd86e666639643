// SPDX-License-Identifier: Apache-2.0
#include "drain/ledger_writer.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <utility>

#include "base/named_thread.hpp"

namespace spanring::agent {

namespace {

constexpr std::chrono::seconds kRetryPause{1};

// A transaction costs as much as the writing of ten rows: processes that come and go are written together.
constexpr std::chrono::milliseconds kGather{10};
constexpr size_t kMostAtOnce = 256;

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
    if (queue_.size() == 1) changed_.notify_one();
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

bool LedgerWriter::write(const std::vector<ProcessRow>& rows) {
    const bool done = ledger_->update_all(rows);
    refused_.store(!done, std::memory_order_relaxed);
    return done;
}

void LedgerWriter::run() {
    MutexLock lock(mutex_);
    for (;;) {
        progress_.waiting();
        changed_.wait(lock.native(), [this]() SPR_REQUIRES(mutex_) { return stop_ || !queue_.empty(); });
        if (queue_.empty()) return;
        changed_.wait_for(lock.native(), kGather, [this]() SPR_REQUIRES(mutex_) { return stop_; });
        progress_.working();
        const size_t count = std::min(queue_.size(), kMostAtOnce);
        const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
        const std::vector<ProcessRow> rows(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
        queue_.erase(queue_.begin(), end);
        const bool finished = std::any_of(rows.begin(), rows.end(), [](const ProcessRow& row) { return row.finished; });
        lock.unlock();
        while (!write(rows) && finished) {
            lock.lock();
            progress_.waiting();
            // At the end the file stays where it is: the next agent writes its row.
            if (changed_.wait_for(lock.native(), kRetryPause, [this]() SPR_REQUIRES(mutex_) { return stop_; })) return;
            progress_.working();
            lock.unlock();
        }
        // release: pairs with the acquire in written(). relaxed would let a file be unlinked before its row is safe.
        written_.fetch_add(count, std::memory_order_release);
        if (finished && wake_) wake_();
        lock.lock();
    }
}

}  // namespace spanring::agent
