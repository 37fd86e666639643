// SPDX-License-Identifier: Apache-2.0
//
// A trace as text: its tree, with a time bar for each span; and for programs: JSON.
#pragma once

#include <string>

#include "command/terminal/terminal.hpp"
#include "command/traces/trace_tree.hpp"

namespace spanring::agent {

struct TraceViewOptions {
    bool attributes = false;              // ids, attributes, events and links below each span
    const char* place = "in this store";  // where a missing parent is missing
    bool critical = false;                // how long each span was what the trace waited for
    const TraceTree* whole = nullptr;     // where the tree was made smaller; null: it is the whole
};

std::string render_trace(const TraceTree& tree, const Terminal& terminal, const TraceViewOptions& options);

}  // namespace spanring::agent
