// SPDX-License-Identifier: Apache-2.0
//
// A trace in the Trace Event Format of Chrome, as JSON, which ui.perfetto.dev, chrome://tracing and Speedscope open.
//
// A resource is a process there, and its spans are slices in tracks. In a track slices must lie inside of each other or
// one after another, so a span stands in its parent's track where it can, else in the first that has room for it.
// Parents in other tracks are joined by arrows.
#pragma once

#include <string>

#include "command/traces/trace_tree.hpp"

namespace spanring::agent {

std::string perfetto_json(const TraceTree& tree);  // one document, on one line

}  // namespace spanring::agent
