// SPDX-License-Identifier: Apache-2.0
//
// One look at what all processes that live have open.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "command/open/open_filter.hpp"
#include "command/open/open_span.hpp"
#include "command/sites.hpp"

namespace spanring::agent {

struct OpenLook {
    uint64_t now_unix_nano = 0;
    std::vector<OpenSpan> spans;  // those asked for, the oldest first, planted
    uint64_t processes = 0;       // that live
    uint64_t open = 0;            // spans that they have open
    uint64_t matching = 0;        // of these, asked for
    uint64_t not_known = 0;       // of these, of operations whose usual duration is not known
    uint64_t changed = 0;         // left out: they were other ones each time they were looked at
    std::vector<std::string> problems;
};

OpenLook look_at_open_spans(const Sites& sites, const OpenFilter& filter);

}  // namespace spanring::agent
