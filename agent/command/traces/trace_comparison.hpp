// SPDX-License-Identifier: Apache-2.0
//
// Two traces side by side: what one has and the other has not, and where the time went. Spans are the same that have
// the same service and name below the same parent; there may be several of them in each.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "command/terminal/terminal.hpp"
#include "command/traces/trace_tree.hpp"

namespace spanring::agent {

struct ComparedSpans {
    struct Side {
        uint64_t spans = 0;
        uint64_t nano = 0;  // in all
        uint64_t failed = 0;
    };
    std::string service;
    std::string name;
    uint32_t depth = 0;
    std::array<Side, 2> sides;  // of the first trace, of the second
};

// In the order of the first trace, with what the second alone has after its siblings.
std::vector<ComparedSpans> compare(const TraceTree& first, const TraceTree& second);

std::string render_comparison(const TraceTree& first, const TraceTree& second, const Terminal& terminal);
std::string comparison_json(const TraceTree& first, const TraceTree& second);

}  // namespace spanring::agent
