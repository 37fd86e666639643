// SPDX-License-Identifier: Apache-2.0
//
// What the ledger was last told of one process, and whether that was its final word. Drain thread only.
#pragma once

#include <cstdint>
#include <memory>

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
    bool is_told(const ProcessRow& row) const;

    std::unique_ptr<ProcessRow> told_;  // null: nothing yet. Three kilobytes, which most processes never need
    bool closing_ = false;
    uint64_t ticket_ = 0;  // of the final row
};

}  // namespace spanring::agent
