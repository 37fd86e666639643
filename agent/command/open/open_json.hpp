// SPDX-License-Identifier: Apache-2.0
//
// A look at open spans, for programs.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "command/open/open_look.hpp"
#include "command/open/thread_stacks.hpp"

namespace spanring::agent {

// One document on one line. `stacks`: null where they were not asked for.
std::string open_json(const OpenLook& look, const std::vector<ThreadStack>* stacks);
nlohmann::ordered_json open_look_json(const OpenLook& look, const std::vector<ThreadStack>* stacks);

}  // namespace spanring::agent
