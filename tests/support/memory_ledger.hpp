// SPDX-License-Identifier: Apache-2.0
//
// A ledger that forgets with its test, and can be waited for.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "ledger/ledger.hpp"

namespace spanring::test {

class MemoryLedger final : public agent::Ledger {
public:
    bool update(const agent::ProcessRow& process) override {
        std::lock_guard lock(mutex_);
        if (refuses) return false;
        records_[process.instance] = process;
        return true;
    }
    std::atomic<bool> refuses{false};  // as with a full disk
    void book_spool(const agent::AccountId& account, const std::string& exporter,
                    const agent::SpoolRow& more) override {
        std::lock_guard lock(mutex_);
        agent::SpoolRow& booked = spools_[{account, exporter}];
        booked.exported += more.exported;
        booked.rejected += more.rejected;
        booked.dropped += more.dropped;
        booked_.notify_all();
    }
    std::vector<agent::ProcessRow> processes() const override {
        std::lock_guard lock(mutex_);
        std::vector<agent::ProcessRow> all;
        for (const auto& [instance, record] : records_) all.push_back(record);
        return all;
    }
    agent::SpoolRow spool(const agent::AccountId& account, const std::string& exporter) const override {
        std::lock_guard lock(mutex_);
        const auto found = spools_.find({account, exporter});
        return found == spools_.end() ? agent::SpoolRow{} : found->second;
    }

    // Until so many spans are booked, of all processes and exporters. False: the watchdog came first.
    bool wait_for_total(uint64_t spans) {
        std::unique_lock lock(mutex_);
        return booked_.wait_for(lock, std::chrono::seconds(60), [&] {
            uint64_t total = 0;
            for (const auto& [key, record] : spools_) total += record.exported + record.rejected + record.dropped;
            return total >= spans;
        });
    }

    agent::ProcessRow of(const agent::InstanceId& instance) const {
        std::lock_guard lock(mutex_);
        const auto found = records_.find(instance);
        return found == records_.end() ? agent::ProcessRow{} : found->second;
    }

private:
    mutable std::mutex mutex_;
    std::condition_variable booked_;
    std::map<agent::InstanceId, agent::ProcessRow> records_;
    std::map<std::pair<agent::AccountId, std::string>, agent::SpoolRow> spools_;
};

}  // namespace spanring::test
