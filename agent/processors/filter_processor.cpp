// SPDX-License-Identifier: Apache-2.0
#include "processors/filter_processor.hpp"

#include "base/option.hpp"
#include "processors/condition_options.hpp"
#include "processors/span_subject.hpp"

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
    return {
        {"spans", GroupList{add, kMostEntries, nullptr, items}},
        {"error_mode", option::choice(options.error_mode, kConditionErrors),
         "where a condition fails: `propagate` asks no other one, and the span stays"},
        {"traces", Group{{{"span", condition_list(options.conditions), "in OTTL: what agrees with one is left out"}}}}};
}

FilterProcessor::FilterProcessor(const FilterOptions& options) : conditions_(options.conditions, options.error_mode) {
    for (const SpanMatchOptions& match : options.spans) matches_.emplace_back(match);
    KeyInterest interest;
    conditions_.add_interest(interest);
    wants_attributes_ = !interest.none();
}

void FilterProcessor::add_interest(SpanInterest& interest) const {
    for (const SpanMatch& match : matches_) match.add_interest(interest);
    conditions_.add_interest(interest.attributes);
}

size_t FilterProcessor::marks() const { return matches_.size() + kMarksOfAnswer * conditions_.questions(); }

void FilterProcessor::take_resource(MessageEdit& resource, std::string_view service, ResourceMarks& marks) {
    for (SpanMatch& match : matches_) marks.push_back(match.holds_of_service(service));
    ResourceSubject subject(resource);
    conditions_.ask(subject, [&](Truth answer) { add_answer(marks, answer); });
}

bool FilterProcessor::passes(const SpanGlance& span, const ResourceMarks& marks, size_t first) {
    for (size_t i = 0; i < matches_.size(); ++i) {
        if (marks[first + i] && matches_[i].may_hold(span)) return false;
    }
    if (conditions_.empty()) return true;
    if (wants_attributes_ && span.may_have_wanted()) return false;
    if (conditions_.fail_by_name(span.name())) return true;
    GlanceSubject subject(span, marks, first + matches_.size());
    return !conditions_.hold(subject);
}

bool FilterProcessor::take_span(SpanEdit& span, const ResourceMarks& marks, size_t first) {
    for (size_t i = 0; i < matches_.size(); ++i) {
        if (marks[first + i] && matches_[i].holds(span)) return false;
    }
    if (conditions_.empty()) return true;
    SpanSubject subject(span, marks, first + matches_.size());
    return !conditions_.hold(subject);
}

}  // namespace spanring::agent
