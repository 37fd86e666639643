// SPDX-License-Identifier: Apache-2.0
//
// Who sends by OTLP, and the account of each. A sender is a service and an instance of it, as the resource of its spans
// says; whatever connection they came by. Names are anybody's, so their number is bounded: those beyond it are one
// sender, `other`. One thread at a time, as the receiver.
//
// Header bill: segment_accounts.hpp, of which each sender has one; the receiver includes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/process_identity.hpp"
#include "drain/segment_accounts.hpp"
#include "ledger/ledger.hpp"

namespace spanring::agent {

class Senders {
public:
    static constexpr size_t kMost = 1000;
    static constexpr size_t kLongestName = 256;  // bytes that are kept of a name

    explicit Senders(std::vector<ExporterRow> exporters);

    // See SegmentAccounts.
    void count_for(std::vector<ExporterRow> exporters);

    // What the ledger has, once, before anything is written; rows that are not a sender's are left out. What was
    // counted before that is added to it.
    void add_known(const std::vector<ProcessRow>& rows);

    // The sender of that name, or `other`. What it returns is to be the identity of a producer.
    ProcessIdentity of(const std::string& service, const std::string& instance);

    // Spans of a sender that were taken from it; and what became of them, invalid ones included.
    void received(const AccountId& account, uint64_t spans);
    void resolved(const AccountId& account, const Completion& piece);

    // Of each sender, what was received and is not resolved.
    std::map<AccountId, uint64_t> pending() const;

    // Rows that are not written as they are now; and that they are.
    std::vector<ProcessRow> changed();
    void written();

private:
    struct Sender {
        ProcessRow row;
        SegmentAccounts accounts;
        bool changed = false;
    };

    Sender& add(ProcessRow row);
    Sender& at(const AccountId& account);

    std::vector<ExporterRow> exporters_;
    std::map<AccountId, Sender> senders_;
    AccountId other_{};
};

}  // namespace spanring::agent
