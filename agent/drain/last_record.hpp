// SPDX-License-Identifier: Apache-2.0
//
// What the ledger was last told of one process, and whether that was its final word. Drain thread only.
#pragma once

#include <cstdint>

#include "drain/ledger_writer.hpp"
#include "ledger/ledger.hpp"

namespace spanring::agent {

class LastRecord {
public:
    // Only what is new.
    void tell(LedgerWriter& ledger, ProcessRecord record);

    // The process's final record; nothing is told after it.
    void close(LedgerWriter& ledger, ProcessRecord record);

    bool closing() const { return closing_; }  // it is on its way, or written
    bool written(const LedgerWriter& ledger) const { return closing_ && ledger.written(ticket_); }

private:
    ProcessRecord told_;
    bool closing_ = false;
    uint64_t ticket_ = 0;  // of the final record
};

}  // namespace spanring::agent
