// SPDX-License-Identifier: Apache-2.0
#include "command/dump/dump_selection.hpp"

#include <cstddef>

namespace spanring::agent {

std::vector<const DumpedSpan*> DumpSelection::of(const SegmentDump& dump) const {
    std::vector<const DumpedSpan*> spans;
    for (const DumpedSpan& span : dump.ended) {
        if (!open_only && !(pending_only && span.acknowledged)) spans.push_back(&span);
    }
    for (const DumpedSpan& span : dump.open) spans.push_back(&span);
    if (limit != 0 && spans.size() > limit)
        spans.erase(spans.begin(), spans.end() - static_cast<std::ptrdiff_t>(limit));
    return spans;
}

}  // namespace spanring::agent
