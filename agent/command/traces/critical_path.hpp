// SPDX-License-Identifier: Apache-2.0
//
// What a trace waited for: from its end back to its start, the span that had to end before the next could go on.
#pragma once

#include "command/traces/trace_tree.hpp"

namespace spanring::agent {

// Sets TreeSpan::critical and critical_nano, whose sum is what the root took. Of several roots the longest is followed.
// A child that goes on after its parent counts up to the parent's end; children of which none waits for the other are
// taken as if they had waited for who ended last.
void mark_critical_path(TraceTree& tree);

}  // namespace spanring::agent
