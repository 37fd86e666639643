// SPDX-License-Identifier: Apache-2.0
//
// A trace for programs: JSON.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "command/traces/trace_tree.hpp"

namespace spanring::agent {

// An object, one line; spans in the order of the tree.
std::string trace_json(const TraceTree& tree);
nlohmann::ordered_json span_json(const TreeSpan& node);

}  // namespace spanring::agent
