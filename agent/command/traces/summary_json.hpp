// SPDX-License-Identifier: Apache-2.0
//
// What is known of a trace without its spans, for programs: JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "store/store_reader.hpp"

namespace spanring::agent {

nlohmann::ordered_json summary_json(const TraceSummary& trace);

}  // namespace spanring::agent
