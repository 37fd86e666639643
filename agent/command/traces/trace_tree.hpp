// SPDX-License-Identifier: Apache-2.0
//
// The spans of one trace as a tree. Takes what came: a span may be there twice (delivery is at least once), its parent
// may be missing (another host's, not arrived, dropped), and parents may even run in a circle. Every span appears once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/store_reader.hpp"

namespace spanring::agent {

struct TreeSpan {
    StoredSpan stored;
    uint32_t depth = 0;
    bool last = true;             // of its siblings
    bool parent_missing = false;  // it names a parent that is not here
    bool unfinished = false;
    bool partial = false;  // it goes on; this is what it was

    uint64_t hidden = 0;         // spans below it that are left out (tree_selection.hpp)
    uint64_t alike = 1;          // siblings that it stands for, itself included
    uint64_t alike_nano = 0;     // what they took in all
    bool critical = false;       // on the critical path (critical_path.hpp)
    uint64_t critical_nano = 0;  // how long it was what the trace waited for

    const DecodedSpan& span() const { return stored.span; }
    const std::string& service() const { return stored.resource->service_name; }
    bool error() const { return stored.span.status_code == 2; }
    uint64_t start() const { return stored.span.start_unix_nano; }
    uint64_t end() const { return stored.span.end_unix_nano < start() ? start() : stored.span.end_unix_nano; }
};

struct TraceTree {
    TraceId trace_id{};
    std::vector<TreeSpan> spans;  // a parent before its children, siblings by start
    uint64_t start = 0;
    uint64_t end = 0;
    uint64_t duplicates = 0;  // left out

    std::vector<std::string> services() const;  // in order of appearance
};

TraceTree build_tree(const TraceId& trace, std::vector<StoredSpan> spans);

}  // namespace spanring::agent
