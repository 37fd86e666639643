// SPDX-License-Identifier: Apache-2.0
#include "command/traces/critical_path.hpp"

#include <algorithm>

#include "command/traces/tree_selection.hpp"

namespace spanring::agent {
namespace {

// A part of the path: from `from` to `to` it is this span or what is below it.
struct Part {
    size_t span;
    uint64_t from, to;
};

}  // namespace

void mark_critical_path(TraceTree& tree) {
    if (tree.spans.empty()) return;
    std::vector<std::vector<size_t>> children = children_of(tree);
    const auto took = [&](size_t i) { return tree.spans[i].end() - tree.spans[i].start(); };
    const std::vector<size_t>& roots = children.back();
    const size_t root =
        *std::max_element(roots.begin(), roots.end(), [&](size_t a, size_t b) { return took(a) < took(b); });
    std::vector<Part> parts = {{root, tree.spans[root].start(), tree.spans[root].end()}};
    while (!parts.empty()) {
        const Part part = parts.back();
        parts.pop_back();
        TreeSpan& span = tree.spans[part.span];
        span.critical = true;
        std::vector<size_t>& below = children[part.span];
        std::sort(below.begin(), below.end(),
                  [&](size_t a, size_t b) { return tree.spans[a].end() > tree.spans[b].end(); });
        uint64_t at = part.to;
        for (const size_t child : below) {
            const uint64_t end = std::min(tree.spans[child].end(), at);
            const uint64_t begin = std::max(tree.spans[child].start(), part.from);
            if (begin >= end) continue;
            span.critical_nano += at - end;
            parts.push_back({child, begin, end});
            at = begin;
        }
        span.critical_nano += at - part.from;
    }
}

}  // namespace spanring::agent
