// SPDX-License-Identifier: Apache-2.0
//
// The ledger's file while it is open. Every call may throw DatabaseError. One thread at a time.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "base/database.hpp"
#include "ledger/ledger.hpp"

namespace spanring::agent {

class LedgerTables {
public:
    // Makes the file where it is missing and reads all of it once: damage is to be found before anything is added.
    explicit LedgerTables(const std::string& file);
    static LedgerTables open_read_only(const std::string& file);
    LedgerTables(LedgerTables&&) = delete;  // its statements know where its database is

    // Writer's: the agent begins, forgets what is old, and ends well. Whether the agent before did not.
    bool begin();
    void end_well();

    void update(std::span<const ProcessRow> processes);
    void book_spool(const AccountId& account, uint64_t exporter, const SpoolRow& more);
    uint64_t settle_spool(uint64_t exporter, const std::string& directory, const SpooledSpans& held);
    void name_exporter(const std::string& exporter);
    void name_rule(uint64_t rule, const std::string& name);
    void book_received(const ReceivedBooking& booking);
    std::vector<uint64_t> kept_requests();

    std::vector<ProcessRow> processes();
    SpoolRow spool(const AccountId& account, uint64_t exporter);
    std::string exporter_name(uint64_t hash);
    std::string rule_name(uint64_t rule);

private:
    LedgerTables(Database database, bool writable);

    void adopt(const ProcessRow& process);
    void write_process(const ProcessRow& process);
    void write_sender(const ProcessRow& sender);
    void write_totals(const AccountId& account, const ProcessRow& process);
    ProcessRow read_process();
    void forget();

    Database database_;
    Statement processes_, exports_, rules_, undecided_, spool_, name_, rule_name_;
    Statement update_process_, book_sender_, update_export_, update_rule_, update_undecided_, forget_undecided_,
        book_spool_, name_exporter_, name_rule_, keep_, forget_kept_;
    std::array<Statement, 4> adopt_;
    bool has_old_accounts_ = true;  // of processes without a file, as agents before this version wrote them
    bool has_undecided_ = true;     // rows
};

}  // namespace spanring::agent
