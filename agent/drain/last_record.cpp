// SPDX-License-Identifier: Apache-2.0
#include "drain/last_record.hpp"

#include <cstring>
#include <utility>

namespace spanring::agent {

void LastRecord::tell(LedgerWriter& ledger, ProcessRecord record) {
    if (closing_) return;
    const bool same = told_.attached_unix_nano == record.attached_unix_nano && told_.writer == record.writer &&
                      told_.quarantine == record.quarantine &&
                      std::memcmp(&told_.agent, &record.agent, sizeof record.agent) == 0;
    if (same) return;
    told_ = record;
    ledger.update(std::move(record));
}

void LastRecord::close(LedgerWriter& ledger, ProcessRecord record) {
    ticket_ = ledger.update(std::move(record));
    closing_ = true;
}

}  // namespace spanring::agent
