// SPDX-License-Identifier: Apache-2.0
//
// Conditions of OTTL as keys, for those that describe them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/option.hpp"
#include "processors/processor_options.hpp"

namespace spanring::agent {

inline const std::vector<std::pair<std::string, ConditionErrors>> kConditionErrors = {
    {"ignore", ConditionErrors::kIgnore},
    {"silent", ConditionErrors::kSilent},
    {"propagate", ConditionErrors::kPropagate}};

inline TextList condition_list(std::vector<std::string>& conditions) {
    return {conditions, "list of conditions on spans"};
}

}  // namespace spanring::agent
