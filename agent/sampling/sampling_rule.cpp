// SPDX-License-Identifier: Apache-2.0
#include "sampling/sampling_rule.hpp"

#include <stdexcept>

#include "base/quantity.hpp"

namespace spanring::agent {

namespace {

constexpr double kMostTracesASecond = 1e9;

}  // namespace

SamplingRule SamplingRule::parse(const std::string& text) {
    SamplingRule rule;
    rule.text_ = text;
    if (text == "off") {
        rule.enabled_ = false;
    } else if (text == "on") {
        rule.directive_ = ring::SamplingDirective::ratio(1);
    } else if (text.ends_with("/s")) {
        const auto rate = parse_number(std::string_view(text).substr(0, text.size() - 2));
        if (!rate || *rate < 0 || *rate > kMostTracesASecond)
            throw std::invalid_argument("'" + text + "' is not a rate: a number from 0 to 1000000000, then /s");
        rule.directive_ = ring::SamplingDirective::rate(*rate);
    } else {
        const auto ratio = parse_number(text);
        if (!ratio || *ratio < 0 || *ratio > 1)
            throw std::invalid_argument("'" + text +
                                        "' is not one of: a ratio from 0 to 1, a rate such as 100/s, on, off");
        rule.directive_ = ring::SamplingDirective::ratio(*ratio);
    }
    return rule;
}

const SamplingRule* rule_for(const SamplingRules& rules, const std::string& service) {
    auto found = rules.find(service);
    if (found == rules.end()) found = rules.find("*");
    return found == rules.end() ? nullptr : &found->second;
}

}  // namespace spanring::agent
