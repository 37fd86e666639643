// SPDX-License-Identifier: Apache-2.0
#include "command/processes/site_survey.hpp"

namespace spanring::agent {

SiteSurvey::SiteSurvey(const Sites& sites) : sites_(sites) {
    for (const Site& site : sites.all) ledgers_.emplace_back(site);
}

Survey SiteSurvey::look(bool finished) const {
    Survey result;
    for (size_t i = 0; i < ledgers_.size(); ++i)
        add(result, survey(sites_.all[i].directories, ledgers_[i].get(), finished));
    return result;
}

void SiteSurvey::warn() const {
    for (const LedgerAccess& ledger : ledgers_) ledger.warn();
}

}  // namespace spanring::agent
