// SPDX-License-Identifier: Apache-2.0
#include "command/processes/ledger_access.hpp"

#include <unistd.h>

#include <iostream>
#include <stdexcept>

#include "command/terminal/terminal.hpp"

namespace spanring::agent {

LedgerAccess::LedgerAccess(const Site& site) {
    try {
        ledger_ = Ledger::open_read_only(site.ledger_file());
    } catch (const std::runtime_error& error) {
        problem_ = error.what();
    }
    if (!site.agent) {
        advice_ = "if an agent keeps it elsewhere, name its place by --state-dir";
    } else if (site.agent->user != ::geteuid()) {
        advice_ = "it is the agent's (" + describe(*site.agent) + "): that user and root can read it";
    }
}

void LedgerAccess::warn() const {
    if (problem_.empty()) return;
    std::cerr << "spanring: no ledger (" << printable(problem_) << "): finished processes and spools are not known\n";
    if (!advice_.empty()) std::cerr << "spanring: " << advice_ << "\n";
}

}  // namespace spanring::agent
