// SPDX-License-Identifier: Apache-2.0
#include "processors/filter_processor.hpp"

#include "base/option.hpp"

namespace spanring::agent {
namespace {

constexpr size_t kMostEntries = 100;

}  // namespace

std::vector<Option> describe(FilterOptions& options) {
    const auto add = [&options] { return describe(options.spans.emplace_back()); };
    const auto items = [&options] {
        std::vector<std::vector<Option>> items;
        for (SpanMatchOptions& match : options.spans) items.push_back(describe(match));
        return items;
    };
    return {{"spans", GroupList{add, kMostEntries, nullptr, items}}};
}

FilterProcessor::FilterProcessor(const FilterOptions& options) {
    for (const SpanMatchOptions& match : options.spans) matches_.emplace_back(match);
}

void FilterProcessor::add_interest(SpanInterest& interest) const {
    for (const SpanMatch& match : matches_) match.add_interest(interest);
}

void FilterProcessor::take_resource(MessageEdit&, std::string_view service, ResourceMarks& marks) {
    for (SpanMatch& match : matches_) marks.push_back(match.holds_of_service(service));
}

bool FilterProcessor::take_span(SpanEdit& span, const ResourceMarks& marks, size_t first) {
    for (size_t i = 0; i < matches_.size(); ++i) {
        if (marks[first + i] && matches_[i].holds(span)) return false;
    }
    return true;
}

}  // namespace spanring::agent
