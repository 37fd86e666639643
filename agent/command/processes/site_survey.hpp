// SPDX-License-Identifier: Apache-2.0
//
// What is known of the processes of all sites, each with the ledger of its own.
#pragma once

#include <vector>

#include "accounts/process_accounts.hpp"
#include "command/processes/ledger_access.hpp"
#include "command/sites.hpp"

namespace spanring::agent {

class SiteSurvey {
public:
    explicit SiteSurvey(const Sites& sites);

    Survey look(bool finished) const;
    void warn() const;  // to stderr: which ledgers are not there

private:
    const Sites& sites_;
    std::vector<LedgerAccess> ledgers_;  // of each site
};

}  // namespace spanring::agent
