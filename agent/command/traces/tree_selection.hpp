// SPDX-License-Identifier: Apache-2.0
//
// Leaves spans of a tree out, so that a trace of thousands can be read. What is left out is counted where it was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "command/traces/trace_tree.hpp"

namespace spanring::agent {

struct TreeSelection {
    uint32_t depth = UINT32_MAX;  // levels that are shown; of at least one
    bool errors_only = false;     // spans with an error or unfinished, and what is above them
    bool fold = false;            // of alike siblings the slowest stands for all

    bool all() const { return depth == UINT32_MAX && !errors_only && !fold; }
};

// Alike are siblings of one service and name whose children are alike, one by one; and never one with an error, or
// unfinished, or with such a span below it.
inline constexpr size_t kFewestFolded = 3;

TraceTree select_spans(const TraceTree& tree, const TreeSelection& selection);

// Of each span of the tree its children, in order; and last those that have no parent in it.
std::vector<std::vector<size_t>> children_of(const TraceTree& tree);

}  // namespace spanring::agent
