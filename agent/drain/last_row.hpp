// SPDX-License-Identifier: Apache-2.0
//
// What the ledger was last told of one process, and whether that was its final word. Drain thread only.
#pragma once

#include <cstdint>

#include "ledger/ledger.hpp"

namespace spanring::agent {

class LedgerWriter;

class LastRow {
public:
    // Only what is new.
    void tell(LedgerWriter& ledger, ProcessRow row);

    // The process's final row; nothing is written after it.
    void close(LedgerWriter& ledger, ProcessRow row);

    bool closing() const { return closing_; }  // it is on its way, or written
    bool written(const LedgerWriter& ledger) const;

private:
    ProcessRow told_;
    bool closing_ = false;
    uint64_t ticket_ = 0;  // of the final row
};

}  // namespace spanring::agent
