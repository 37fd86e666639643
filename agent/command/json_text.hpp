// SPDX-License-Identifier: Apache-2.0
//
// JSON as every command prints it. What was chosen by a process may be in it: what cannot be seen is escaped, so that
// the same text is safe on a terminal and the same value for a program.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace spanring::agent {

// One line, without its end. What is not UTF-8 is replaced (U+FFFD).
std::string json_text(const nlohmann::ordered_json& json);

}  // namespace spanring::agent
