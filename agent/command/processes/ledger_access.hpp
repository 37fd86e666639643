// SPDX-License-Identifier: Apache-2.0
//
// An agent's ledger as the command sees it: it may be missing (no agent has run) or unreadable, and what segments say
// is shown nevertheless.
#pragma once

#include <memory>
#include <string>

#include "command/sites.hpp"
#include "ledger/ledger.hpp"

namespace spanring::agent {

class LedgerAccess {
public:
    explicit LedgerAccess(const Site& site);

    const Ledger* get() const { return ledger_.get(); }  // null: not there
    void warn() const;                                   // to stderr: what is missing without it

private:
    std::unique_ptr<Ledger> ledger_;
    std::string problem_;
    std::string advice_;
};

}  // namespace spanring::agent
