// SPDX-License-Identifier: Apache-2.0
#include "command/processes/ledger_access.hpp"

#include <iostream>
#include <stdexcept>

namespace spanring::agent {

LedgerAccess::LedgerAccess(const std::string& file) {
    try {
        ledger_ = Ledger::open_read_only(file);
    } catch (const std::runtime_error& error) {
        problem_ = error.what();
    }
}

void LedgerAccess::warn() const {
    if (problem_.empty()) return;
    std::cerr << "spanring: no ledger (" << problem_ << "): finished processes and spools are not known.\n"
              << "spanring: if the agent runs with another --state-dir, give the same one here.\n";
}

}  // namespace spanring::agent
