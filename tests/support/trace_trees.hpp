// SPDX-License-Identifier: Apache-2.0
//
// Trees of spans for the tests of what is made of them.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "command/traces/trace_tree.hpp"

namespace spanring::agent::test {

struct TreeSpanOf {
    uint8_t id = 1;
    uint8_t parent = 0;  // 0: a root
    std::string name = "work";
    uint64_t start = 0;
    uint64_t end = 100;
    bool error = false;
    std::string service = "shop";
};

inline TraceTree tree_of(const std::vector<TreeSpanOf>& spans) {
    std::vector<StoredSpan> stored;
    for (const TreeSpanOf& each : spans) {
        StoredSpan& one = stored.emplace_back();
        auto resource = std::make_shared<DecodedResource>();
        resource->service_name = each.service;
        one.resource = std::move(resource);
        one.scope = std::make_shared<DecodedScope>();
        one.span.span_id.fill(each.id);
        one.span.parent_span_id.fill(each.parent);
        one.span.name = each.name;
        one.span.start_unix_nano = each.start;
        one.span.end_unix_nano = each.end;
        one.span.status_code = each.error ? 2 : 0;
    }
    return build_tree({}, std::move(stored));
}

// "name" at its depth, one for each span.
inline std::vector<std::string> outline(const TraceTree& tree) {
    std::vector<std::string> lines;
    for (const TreeSpan& span : tree.spans) lines.push_back(std::string(span.depth, ' ') + span.span().name);
    return lines;
}

}  // namespace spanring::agent::test
