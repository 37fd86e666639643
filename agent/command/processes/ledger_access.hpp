// SPDX-License-Identifier: Apache-2.0
//
// The agent's ledger as the command sees it: it may be missing (no agent has run) or unreadable, and what segments say
// is shown nevertheless.
#pragma once

#include <memory>
#include <string>

#include "ledger/ledger.hpp"

namespace spanring::agent {

class LedgerAccess {
public:
    explicit LedgerAccess(const std::string& file);

    const Ledger* get() const { return ledger_.get(); }  // null: not there
    void warn() const;                                   // to stderr: what is missing without it

private:
    std::unique_ptr<Ledger> ledger_;
    std::string problem_;
};

}  // namespace spanring::agent
