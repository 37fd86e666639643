// SPDX-License-Identifier: Apache-2.0
#include "command/traces/tree_selection.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace spanring::agent {
namespace {

bool has_failed(const TreeSpan& span) { return span.error() || span.unfinished; }

// The place of each span's parent; the number of spans where it has none.
std::vector<size_t> parents_of(const TraceTree& tree) {
    std::vector<size_t> parents, open;  // open: the last span of each depth
    for (size_t i = 0; i < tree.spans.size(); ++i) {
        open.resize(tree.spans[i].depth + size_t{1});
        parents.push_back(tree.spans[i].depth == 0 ? tree.spans.size() : open[tree.spans[i].depth - size_t{1}]);
        open.back() = i;
    }
    return parents;
}

class Selecting {
public:
    Selecting(const TraceTree& tree, const TreeSelection& selection)
        : tree_(tree),
          selection_(selection),
          parents_(parents_of(tree)),
          children_(children_of(tree)),
          failed_below_(tree.spans.size(), 0),
          shape_(tree.spans.size(), 0),
          stands_for_(tree.spans.size()) {
        // A child comes after its parent: backwards, all below a span is known before it.
        for (size_t i = tree.spans.size(); i-- > 0;) {
            failed_below_[i] |= has_failed(tree.spans[i]) ? 1 : 0;
            if (parents_[i] < tree.spans.size()) failed_below_[parents_[i]] |= failed_below_[i];
            shape_[i] = shape_of(i);
        }
        if (selection.fold) {
            for (const std::vector<size_t>& siblings : children_) fold(siblings);
        }
    }

    TraceTree select() {
        TraceTree shown;
        shown.trace_id = tree_.trace_id;
        shown.start = tree_.start;
        shown.end = tree_.end;
        shown.duplicates = tree_.duplicates;
        std::vector<size_t> place(tree_.spans.size() + 1, SIZE_MAX);  // where it, or what is shown above it, is
        std::vector<size_t> last_child(tree_.spans.size() + 1, SIZE_MAX);
        std::vector<bool> is_shown(tree_.spans.size(), false);
        for (size_t i = 0; i < tree_.spans.size(); ++i) {
            const bool root = parents_[i] == tree_.spans.size();
            is_shown[i] = (root || is_shown[parents_[i]]) && keeps(i);
            if (!is_shown[i]) {
                place[i] = place[parents_[i]];
                if (place[i] != SIZE_MAX) ++shown.spans[place[i]].hidden;
                continue;
            }
            place[i] = shown.spans.size();
            TreeSpan& span = shown.spans.emplace_back(tree_.spans[i]);
            span.last = true;
            if (!stands_for_[i].empty()) {
                span.alike = stands_for_[i].size();
                for (const size_t each : stands_for_[i]) {
                    const uint64_t took = tree_.spans[each].end() - tree_.spans[each].start();
                    span.alike_nano += std::min(took, UINT64_MAX - span.alike_nano);  // some say they began in 1970
                }
            }
            size_t& before = last_child[parents_[i]];
            if (before != SIZE_MAX) shown.spans[before].last = false;
            before = place[i];
        }
        return shown;
    }

private:
    bool keeps(size_t i) const {
        if (tree_.spans[i].depth >= selection_.depth) return false;
        if (selection_.errors_only && failed_below_[i] == 0) return false;
        return folded_.empty() || folded_[i] == 0;
    }

    // Subtrees of one shape have one number.
    uint32_t shape_of(size_t i) {
        std::vector<uint32_t> below;
        for (const size_t child : children_[i]) below.push_back(shape_[child]);
        const TreeSpan& span = tree_.spans[i];
        const auto next = static_cast<uint32_t>(shapes_.size());
        return shapes_.try_emplace({span.service(), span.span().name, std::move(below)}, next).first->second;
    }

    void fold(const std::vector<size_t>& siblings) {
        std::map<uint32_t, std::vector<size_t>> alike;
        for (const size_t i : siblings) {
            if (failed_below_[i] == 0) alike[shape_[i]].push_back(i);
        }
        for (auto& [shape, spans] : alike) {
            if (spans.size() < kFewestFolded) continue;
            const auto took = [&](size_t i) { return tree_.spans[i].end() - tree_.spans[i].start(); };
            const size_t slowest =
                *std::max_element(spans.begin(), spans.end(), [&](size_t a, size_t b) { return took(a) < took(b); });
            if (folded_.empty()) folded_.resize(tree_.spans.size(), 0);
            for (const size_t i : spans) folded_[i] = i == slowest ? 0 : 1;
            stands_for_[slowest] = std::move(spans);
        }
    }

    const TraceTree& tree_;
    const TreeSelection& selection_;
    const std::vector<size_t> parents_;
    const std::vector<std::vector<size_t>> children_;
    std::vector<uint8_t> failed_below_, folded_;
    std::map<std::tuple<std::string, std::string, std::vector<uint32_t>>, uint32_t> shapes_;
    std::vector<uint32_t> shape_;
    std::vector<std::vector<size_t>> stands_for_;
};

}  // namespace

std::vector<std::vector<size_t>> children_of(const TraceTree& tree) {
    std::vector<std::vector<size_t>> children(tree.spans.size() + 1);
    const std::vector<size_t> parents = parents_of(tree);
    for (size_t i = 0; i < parents.size(); ++i) children[parents[i]].push_back(i);
    return children;
}

TraceTree select_spans(const TraceTree& tree, const TreeSelection& selection) {
    return selection.all() ? tree : Selecting(tree, selection).select();
}

}  // namespace spanring::agent
