// SPDX-License-Identifier: Apache-2.0
//
// Accounts of processes as JSON, for `ps --json`, `audit --json` and the page.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "accounts/equations.hpp"
#include "accounts/process_accounts.hpp"
#include "command/sites.hpp"

namespace spanring::agent {

nlohmann::ordered_json to_json(const ProcessAccount& process);
nlohmann::ordered_json sender_json(const ProcessAccount& sender);
nlohmann::ordered_json agent_json(const RunningAgent& agent);
nlohmann::ordered_json equations_json(const std::vector<Equation>& equations);
const char* verdict_word(Judgement verdict);
std::string survey_json(const Survey& survey, const Sites& sites);  // one line

}  // namespace spanring::agent
