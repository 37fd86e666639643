// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <map>
#include <mutex>

#include "ledger/ledger.hpp"

namespace spanring::test {

class MemoryLedger final : public agent::Ledger {
public:
    bool update(const agent::ProcessRecord& process) override {
        std::lock_guard lock(mutex_);
        if (refuses) return false;
        records_[process.instance] = process;
        return true;
    }
    std::atomic<bool> refuses{false};  // as with a full disk
    void book_spool(const agent::InstanceId&, const std::string&, const agent::SpoolRecord&) override {}
    std::vector<agent::ProcessRecord> processes() const override {
        std::lock_guard lock(mutex_);
        std::vector<agent::ProcessRecord> all;
        for (const auto& [instance, record] : records_) all.push_back(record);
        return all;
    }
    agent::SpoolRecord spool(const agent::InstanceId&, const std::string&) const override { return {}; }

    agent::ProcessRecord of(const agent::InstanceId& instance) const {
        std::lock_guard lock(mutex_);
        const auto found = records_.find(instance);
        return found == records_.end() ? agent::ProcessRecord{} : found->second;
    }

private:
    mutable std::mutex mutex_;
    std::map<agent::InstanceId, agent::ProcessRecord> records_;
};

}  // namespace spanring::test
