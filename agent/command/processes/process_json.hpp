// SPDX-License-Identifier: Apache-2.0
//
// Accounts of processes as JSON, for `ps --json` and `audit --json`.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "accounts/process_accounts.hpp"
#include "command/sites.hpp"

namespace spanring::agent {

nlohmann::ordered_json to_json(const ProcessAccount& process);
nlohmann::ordered_json sender_json(const ProcessAccount& sender);
std::string survey_json(const Survey& survey, const Sites& sites);  // one line

}  // namespace spanring::agent
