// SPDX-License-Identifier: Apache-2.0
//
// `span_name` and `service`: traces with a span that is called so, or of a service that is.
#pragma once

#include <stdexcept>

#include "decide/policy.hpp"
#include "decide/tail_sampling_options.hpp"
#include "processors/text_set.hpp"

namespace spanring::agent {

// Throws std::invalid_argument.
inline TextSet text_set_of(const TextPolicyOptions& options, const char* what) {
    if (options.values.empty()) throw std::invalid_argument(std::string(what) + ": must say values");
    return TextSet(options.values, options.enabled_regex_matching ? MatchType::kRegexp : MatchType::kStrict);
}

class NamePolicy : public Policy {
public:
    explicit NamePolicy(const TextPolicyOptions& options) : names_(text_set_of(options, "span_name")) {}

    using Policy::agrees;
    bool agrees(const SpanFacts& span) override {
        const auto& name = span.outline.name;
        return names_.has({reinterpret_cast<const char*>(name.data()), name.size()});
    }

private:
    TextSet names_;
};

class ServicePolicy : public Policy {
public:
    explicit ServicePolicy(const TextPolicyOptions& options) : services_(text_set_of(options, "service")) {}

    using Policy::agrees;
    bool agrees(const ProducerFacts& producer) override { return services_.has(producer.service); }

private:
    TextSet services_;
};

}  // namespace spanring::agent
