// SPDX-License-Identifier: Apache-2.0
//
// What became of spans, by the accounts: of one process, or of all of them. Why the spans of a process that records
// some do not arrive is mostly here.
#pragma once

#include "accounts/process_accounts.hpp"
#include "command/doctor/finding.hpp"
#include "command/doctor/subject.hpp"
#include "command/sites.hpp"

namespace spanring::agent {

Findings look_at_process(const Subject& subject, const Survey& survey, const Sites& sites);

// Without a process: quarantined ones, and exporters whose backend refuses.
Findings look_at_accounts(const Survey& survey);

}  // namespace spanring::agent
