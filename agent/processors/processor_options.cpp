// SPDX-License-Identifier: Apache-2.0
#include "processors/processor_options.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "base/option.hpp"
#include "processors/conditions.hpp"

namespace spanring::agent {
namespace {

struct Type {
    ProcessorType type;
    const char* name;
};
constexpr Type kTypes[] = {{ProcessorType::kAttributes, "attributes"},
                           {ProcessorType::kResource, "resource"},
                           {ProcessorType::kFilter, "filter"},
                           {ProcessorType::kRedaction, "redaction"},
                           {ProcessorType::kTransform, "transform"},
                           {ProcessorType::kLimits, "limits"},
                           {ProcessorType::kProbabilisticSampler, "probabilistic_sampler"}};

class Faults {
public:
    void add(const std::string& where, const std::string& what) {
        if (!what.empty()) all_.push_back(where + ": " + what);
    }
    // `what` begins with its number in the list.
    void add_numbered(const std::string& key, const std::string& what) {
        if (!what.empty()) all_.push_back(key + what);
    }
    void add_actions(const std::string& key, const std::vector<AttributeAction>& actions) {
        if (actions.empty()) add(key, "there must be one");
        for (size_t i = 0; i < actions.size(); ++i) add(numbered(key, i), wrong_action(actions[i]));
    }
    static std::string numbered(const std::string& key, size_t index) {
        return key + "[" + std::to_string(index) + "]";
    }
    std::vector<std::string> take() { return std::move(all_); }

private:
    std::vector<std::string> all_;
};

}  // namespace

const char* type_name(ProcessorType type) {
    const auto known =
        std::find_if(std::begin(kTypes), std::end(kTypes), [&](const Type& each) { return each.type == type; });
    return known->name;
}

std::optional<ProcessorType> processor_type(const std::string& name) {
    for (const Type& each : kTypes) {
        if (name == each.name) return each.type;
    }
    return std::nullopt;
}

std::vector<std::string> processor_type_names() {
    std::vector<std::string> names;
    for (const Type& each : kTypes) names.emplace_back(each.name);
    return names;
}

std::vector<Option> describe(ProcessorOptions& options) {
    switch (options.type) {
        case ProcessorType::kAttributes: return describe(options.attributes);
        case ProcessorType::kResource: return describe(options.resource);
        case ProcessorType::kFilter: return describe(options.filter);
        case ProcessorType::kRedaction: return describe(options.redaction);
        case ProcessorType::kTransform: return describe(options.transform);
        case ProcessorType::kLimits: return describe(options.limits);
        case ProcessorType::kProbabilisticSampler: return describe(options.probabilistic_sampler);
    }
    return {};
}

std::vector<std::string> faults_of(const ProcessorOptions& options) {
    Faults faults;
    switch (options.type) {
        case ProcessorType::kAttributes:
            faults.add_actions("actions", options.attributes.actions);
            if (!options.attributes.include.empty()) faults.add("include", wrong_match(options.attributes.include));
            if (!options.attributes.exclude.empty()) faults.add("exclude", wrong_match(options.attributes.exclude));
            break;
        case ProcessorType::kResource: faults.add_actions("attributes", options.resource.actions); break;
        case ProcessorType::kFilter:
            if (options.filter.spans.empty() && options.filter.conditions.empty())
                faults.add("filter", "must say spans or traces.span");
            for (size_t i = 0; i < options.filter.spans.size(); ++i)
                faults.add(Faults::numbered("spans", i), wrong_match(options.filter.spans[i]));
            faults.add_numbered("traces.span", wrong_conditions(options.filter.conditions));
            break;
        case ProcessorType::kRedaction: faults.add("redaction", wrong_redaction(options.redaction)); break;
        case ProcessorType::kTransform:
            if (options.transform.span_names.empty()) faults.add("span_names", "there must be one");
            for (size_t i = 0; i < options.transform.span_names.size(); ++i)
                faults.add(Faults::numbered("span_names", i), wrong_rename(options.transform.span_names[i]));
            break;
        case ProcessorType::kLimits:
            if (options.limits == LimitsOptions()) faults.add("limits", "must say one");
            break;
        case ProcessorType::kProbabilisticSampler: break;
    }
    return faults.take();
}

}  // namespace spanring::agent
