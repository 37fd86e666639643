// SPDX-License-Identifier: Apache-2.0
//
// The ledger as several senders of one exporter see it: what they book is the exporter's, and what their spools held
// when they were opened is settled together, once the last one has said so. Any thread.
//
// Header bill: an interface of the ledger's; spreading_exporter.cpp includes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.hpp"
#include "ledger/ledger.hpp"

namespace spanring::agent {

class SpoolCollector final : public Ledger {
public:
    // `ledger` may be null.
    SpoolCollector(std::string exporter, Ledger* ledger) : exporter_(std::move(exporter)), ledger_(ledger) {}

    // Of all senders there are: `directory` is that of the exporter. One that could not open its spool yet has not
    // said what is in it, and then nothing is settled. Returns how many spans are lost.
    uint64_t settle(const std::string& directory, size_t senders) {
        SpooledSpans held;
        {
            const MutexLock lock(mutex_);
            if (opened_ != senders || ledger_ == nullptr) return 0;
            held.assign(held_.begin(), held_.end());
        }
        return ledger_->settle_spool(exporter_, directory, held);
    }

    bool update(const ProcessRow&) override { return true; }
    std::vector<ProcessRow> processes() const override { return {}; }
    SpoolRow spool(const AccountId&, const std::string&) const override { return {}; }
    void book_spool(const AccountId& account, const std::string&, const SpoolRow& more) override {
        if (ledger_ != nullptr) ledger_->book_spool(account, exporter_, more);
    }
    uint64_t settle_spool(const std::string&, const std::string&, const SpooledSpans& held) override {
        const MutexLock lock(mutex_);
        ++opened_;
        for (const auto& [account, spans] : held) held_[account] += spans;
        return 0;
    }

private:
    const std::string exporter_;
    Ledger* const ledger_;
    Mutex mutex_;
    std::map<AccountId, uint64_t> held_ SPR_GUARDED_BY(mutex_);
    size_t opened_ SPR_GUARDED_BY(mutex_) = 0;
};

}  // namespace spanring::agent
