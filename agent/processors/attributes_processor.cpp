// SPDX-License-Identifier: Apache-2.0
#include "processors/attributes_processor.hpp"

#include "base/option.hpp"

namespace spanring::agent {

std::vector<Option> describe(AttributesOptions& options) {
    return {
        {"actions", actions_list(options.actions)},
        {"include", Group{describe(options.include)}, {}, {}, !options.include.empty()},
        {"exclude", Group{describe(options.exclude)}, {}, {}, !options.exclude.empty()},
    };
}

AttributesProcessor::AttributesProcessor(const AttributesOptions& options) : actions_(options.actions) {
    if (!options.include.empty()) include_.emplace(options.include);
    if (!options.exclude.empty()) exclude_.emplace(options.exclude);
}

void AttributesProcessor::add_interest(SpanInterest& interest) const {
    actions_.add_interest(interest.attributes);
    if (include_) include_->add_interest(interest);
    if (exclude_) exclude_->add_interest(interest);
}

void AttributesProcessor::take_resource(MessageEdit&, std::string_view service, ResourceMarks& marks) {
    marks.push_back(!include_ || include_->holds_of_service(service));
    marks.push_back(exclude_ && exclude_->holds_of_service(service));
}

bool AttributesProcessor::take_span(SpanEdit& span, const ResourceMarks& marks, size_t first) {
    if (include_ && !(marks[first] && include_->holds(span))) return true;
    if (exclude_ && marks[first + 1] && exclude_->holds(span)) return true;
    actions_.apply(span);
    return true;
}

}  // namespace spanring::agent
