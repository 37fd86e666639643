// SPDX-License-Identifier: Apache-2.0
#include "command/traces/trace_tree.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include "ring/unfinished_span.hpp"

namespace spanring::agent {
namespace {

using SpanId = std::array<uint8_t, 8>;
constexpr size_t kNone = SIZE_MAX;

bool is_marked(const DecodedSpan& span, const char* mark) {
    const Value* value = find(span.attributes, mark);
    return value != nullptr && value->text == "true";
}

struct Links {
    std::vector<size_t> parent;                 // kNone: a root, or its parent is not here
    std::vector<std::vector<size_t>> children;  // by start
};

Links link(const std::vector<StoredSpan>& spans) {
    std::map<SpanId, size_t> places;
    for (size_t i = 0; i < spans.size(); ++i) places.emplace(spans[i].span.span_id, i);
    Links links{std::vector<size_t>(spans.size(), kNone), std::vector<std::vector<size_t>>(spans.size())};
    for (size_t i = 0; i < spans.size(); ++i) {
        if (spans[i].span.root()) continue;
        const auto place = places.find(spans[i].span.parent_span_id);
        if (place == places.end() || place->second == i) continue;
        links.parent[i] = place->second;
        links.children[place->second].push_back(i);
    }
    return links;
}

}  // namespace

std::vector<std::string> TraceTree::services() const {
    std::vector<std::string> names;
    for (const TreeSpan& span : spans) {
        if (std::find(names.begin(), names.end(), span.service()) == names.end()) names.push_back(span.service());
    }
    return names;
}

TraceTree build_tree(const TraceId& trace, std::vector<StoredSpan> spans) {
    TraceTree tree;
    tree.trace_id = trace;
    // By start, so that children, roots and circles come out in that order; of duplicates the first stays.
    std::stable_sort(spans.begin(), spans.end(), [](const StoredSpan& a, const StoredSpan& b) {
        return a.span.start_unix_nano < b.span.start_unix_nano;
    });
    std::map<SpanId, bool> seen;
    const auto twice = [&](const StoredSpan& span) { return !seen.emplace(span.span.span_id, true).second; };
    const auto kept = std::remove_if(spans.begin(), spans.end(), twice);
    tree.duplicates = static_cast<uint64_t>(spans.end() - kept);
    spans.erase(kept, spans.end());
    if (spans.empty()) return tree;

    const Links links = link(spans);
    std::vector<bool> placed(spans.size(), false);
    struct Step {
        size_t place;
        uint32_t depth;
        bool last;
    };
    const auto place_from = [&](size_t root, bool last_root) {
        std::vector<Step> stack = {{root, 0, last_root}};  // not recursive: a trace may be a long chain
        while (!stack.empty()) {
            const Step step = stack.back();
            stack.pop_back();
            if (placed[step.place]) continue;  // a circle closes
            placed[step.place] = true;
            TreeSpan& node = tree.spans.emplace_back();
            node.depth = step.depth;
            node.last = step.last;
            node.unfinished = is_marked(spans[step.place].span, ring::kUnfinishedKey);
            node.partial = is_marked(spans[step.place].span, ring::kPartialKey);
            node.parent_missing = step.depth == 0 && !spans[step.place].span.root();
            const auto& children = links.children[step.place];
            for (size_t i = children.size(); i-- > 0;) {
                stack.push_back({children[i], step.depth + 1, i + 1 == children.size()});
            }
            node.stored = std::move(spans[step.place]);
        }
    };
    std::vector<size_t> roots;
    for (size_t i = 0; i < spans.size(); ++i) {
        if (links.parent[i] == kNone) roots.push_back(i);
    }
    for (const size_t root : roots) place_from(root, root == roots.back());
    for (size_t i = 0; i < placed.size(); ++i) {
        if (!placed[i]) place_from(i, true);  // in a circle: it begins with the span that began first
    }

    tree.start = tree.spans.front().start();
    for (const TreeSpan& span : tree.spans) {
        tree.start = std::min(tree.start, span.start());
        tree.end = std::max(tree.end, span.end());
    }
    return tree;
}

}  // namespace spanring::agent
