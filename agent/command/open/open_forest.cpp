// SPDX-License-Identifier: Apache-2.0
#include "command/open/open_forest.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <numeric>
#include <tuple>
#include <utility>

namespace spanring::agent {
namespace {

constexpr size_t kNone = ~size_t{0};

// Sorted and not hashed: ids are chosen by whoever may want all of them to meet.
class ById {
public:
    explicit ById(const std::vector<OpenSpan>& spans) : spans_(spans), order_(spans.size()) {
        std::iota(order_.begin(), order_.end(), size_t{0});
        std::sort(order_.begin(), order_.end(), [&](size_t a, size_t b) {
            return std::tie(spans[a].span.trace_id, spans[a].span.span_id, a) <
                   std::tie(spans[b].span.trace_id, spans[b].span.span_id, b);
        });
    }

    // The first that has the id of its parent.
    size_t parent_of(size_t child) const {
        const DecodedSpan& span = spans_[child].span;
        if (span.root()) return kNone;
        const auto wanted = std::tie(span.trace_id, span.parent_span_id);
        const auto found = std::lower_bound(order_.begin(), order_.end(), wanted, [&](size_t at, const auto& id) {
            return std::tie(spans_[at].span.trace_id, spans_[at].span.span_id) < id;
        });
        if (found == order_.end()) return kNone;
        return std::tie(spans_[*found].span.trace_id, spans_[*found].span.span_id) == wanted ? *found : kNone;
    }

private:
    const std::vector<OpenSpan>& spans_;
    std::vector<size_t> order_;
};

}  // namespace

void plant(std::vector<OpenSpan>& spans) {
    std::stable_sort(spans.begin(), spans.end(), [](const OpenSpan& a, const OpenSpan& b) {
        return a.span.start_unix_nano < b.span.start_unix_nano;
    });
    const ById by_id(spans);
    std::vector<std::vector<size_t>> children(spans.size());
    std::vector<size_t> next;  // the one to come is at the end
    for (size_t i = spans.size(); i-- > 0;) {
        const size_t parent = by_id.parent_of(i);
        spans[i].depth = 0;
        if (parent < i)
            children[parent].push_back(i);
        else
            next.push_back(i);
    }
    std::vector<OpenSpan> planted;
    planted.reserve(spans.size());
    while (!next.empty()) {
        const size_t at = next.back();
        next.pop_back();
        for (const size_t child : children[at]) {
            spans[child].depth = spans[at].depth + 1;
            next.push_back(child);
        }
        planted.push_back(std::move(spans[at]));
    }
    spans = std::move(planted);
}

}  // namespace spanring::agent
