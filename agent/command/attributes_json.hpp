// SPDX-License-Identifier: Apache-2.0
//
// Attributes as a JSON object, as every command prints them. A process may have chosen a hundred thousand of them.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "otlp/span_decoder.hpp"

namespace spanring::agent {

// In their order; of those with one name the last counts. What is not UTF-8 stays: json_text() replaces it.
nlohmann::ordered_json attributes_json(const Attributes& attributes);

// Integers that a number of a browser (53 bits) does not hold become text, at any depth.
void make_exact_for_browsers(nlohmann::ordered_json& value);

}  // namespace spanring::agent
