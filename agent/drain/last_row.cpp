// SPDX-License-Identifier: Apache-2.0
#include "drain/last_row.hpp"

#include <cstring>
#include <utility>

#include "drain/ledger_writer.hpp"

namespace spanring::agent {

void LastRow::tell(LedgerWriter& ledger, ProcessRow row) {
    if (closing_) return;
    if (told_ == nullptr)
        told_ = std::make_unique<ProcessRow>(row);
    else if (is_told(row))
        return;
    else
        *told_ = row;
    ledger.update(std::move(row));
}

bool LastRow::is_told(const ProcessRow& row) const {
    return told_->attached_unix_nano == row.attached_unix_nano && told_->writer == row.writer &&
           told_->quarantine == row.quarantine && told_->rules == row.rules && told_->undecided == row.undecided &&
           std::memcmp(&told_->agent, &row.agent, sizeof row.agent) == 0;
}

void LastRow::close(LedgerWriter& ledger, ProcessRow row) {
    ticket_ = ledger.update(std::move(row));
    closing_ = true;
}

bool LastRow::written(const LedgerWriter& ledger) const { return closing_ && ledger.written(ticket_); }

}  // namespace spanring::agent
