// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <map>
#include <mutex>

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
    void book_spool(const agent::InstanceId&, const std::string&, const agent::SpoolRow&) override {}
    std::vector<agent::ProcessRow> processes() const override {
        std::lock_guard lock(mutex_);
        std::vector<agent::ProcessRow> all;
        for (const auto& [instance, record] : records_) all.push_back(record);
        return all;
    }
    agent::SpoolRow spool(const agent::InstanceId&, const std::string&) const override { return {}; }

    agent::ProcessRow of(const agent::InstanceId& instance) const {
        std::lock_guard lock(mutex_);
        const auto found = records_.find(instance);
        return found == records_.end() ? agent::ProcessRow{} : found->second;
    }

private:
    mutable std::mutex mutex_;
    std::map<agent::InstanceId, agent::ProcessRow> records_;
};

}  // namespace spanring::test
