// SPDX-License-Identifier: Apache-2.0
//
// The accounts of all processes that have a segment, read again and again for little (segment/segment_glance.hpp), and
// of the senders that a ledger knows. Processes that are finished, and are in a ledger alone, are left out.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "accounts/process_accounts.hpp"
#include "command/processes/ledger_access.hpp"
#include "command/sites.hpp"
#include "segment/segment_glance.hpp"

namespace spanring::agent {

class AccountWatch {
public:
    explicit AccountWatch(Sites sites) { follow(std::move(sites)); }

    void follow(Sites sites);  // agents and senders come and go
    Survey look();
    const Sites& sites() const { return sites_; }

private:
    using Glances = std::map<std::string, SegmentGlance>;  // by file

    void look_into(const std::string& path, const Ledger* ledger, Glances& ret_kept, Survey& ret_survey);

    Sites sites_;
    std::vector<LedgerAccess> ledgers_;  // of each site
    bool senders_ = true;                // there are some, or may be since follow()
    Glances glances_;
};

}  // namespace spanring::agent
