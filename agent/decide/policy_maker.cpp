// SPDX-License-Identifier: Apache-2.0
#include "decide/policy_maker.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "base/suggest.hpp"
#include "decide/attribute_policies.hpp"
#include "decide/condition_policy.hpp"
#include "decide/constant_policy.hpp"
#include "decide/fair_rate_policy.hpp"
#include "decide/follow_policy.hpp"
#include "decide/latency_policy.hpp"
#include "decide/learnt_latency_policy.hpp"
#include "decide/probabilistic_policy.hpp"
#include "decide/rate_limiting_policy.hpp"
#include "decide/status_policy.hpp"
#include "decide/text_policies.hpp"
#include "decide/unfinished_policy.hpp"

namespace spanring::agent {
namespace {

constexpr double kPercent = 100;

// One that looks at spans itself.
std::unique_ptr<Policy> make_plain(const PolicyOptions& options, PolicyWants& wants) {
    WantedKeys& keys = wants.keys;
    switch (options.type) {
        case PolicyType::kAlwaysSample: return std::make_unique<ConstantPolicy>(PolicyAnswer::kKeep);
        case PolicyType::kNever: return std::make_unique<ConstantPolicy>(PolicyAnswer::kDrop);
        case PolicyType::kStatusCode: return std::make_unique<StatusPolicy>(options.status_codes);
        case PolicyType::kUnfinished: return std::make_unique<UnfinishedPolicy>();
        case PolicyType::kLatency:
            if (options.above_quantile == 0)
                return std::make_unique<LatencyPolicy>(options.threshold_ms, options.upper_threshold_ms);
            if (options.upper_threshold_ms != 0)
                throw std::invalid_argument("latency: upper_threshold_ms has no meaning beside above_quantile");
            return std::make_unique<LearntLatencyPolicy>(options.above_quantile, options.threshold_ms);
        case PolicyType::kStringAttribute:
            return std::make_unique<StringAttributePolicy>(options.string_attribute, keys);
        case PolicyType::kNumericAttribute:
            return std::make_unique<NumericAttributePolicy>(options.numeric_key, options.min_value, options.max_value,
                                                            keys);
        case PolicyType::kBooleanAttribute:
            return std::make_unique<BooleanAttributePolicy>(options.boolean_key, options.boolean_value, keys);
        case PolicyType::kName: return std::make_unique<NamePolicy>(options.span_name);
        case PolicyType::kService: return std::make_unique<ServicePolicy>(options.service);
        case PolicyType::kRateLimiting: return std::make_unique<RateLimitingPolicy>(options.spans_per_second);
        case PolicyType::kFairRate:
            return std::make_unique<FairRatePolicy>(options.traces_per_second, options.among == Sharers::kOperations);
        case PolicyType::kFollow: return std::make_unique<FollowPolicy>();
        case PolicyType::kProbabilistic:
            return std::make_unique<ProbabilisticPolicy>(options.sampling_percentage, options.chance,
                                                         options.hash_salt);
        case PolicyType::kCondition:
            if (const std::string wrong = wrong_conditions(options.conditions); !wrong.empty())
                throw std::invalid_argument("ottl_condition.span" + wrong);
            return std::make_unique<ConditionPolicy>(options.conditions, options.error_mode, wants);
        default: throw std::invalid_argument("no such policy");
    }
}

void check_names(const PolicyOptions& options, const std::vector<std::string>& names) {
    for (size_t i = 0; i < names.size(); ++i) {
        const std::string where = "composite.composite_sub_policy[" + std::to_string(i) + "]";
        if (names[i].empty()) throw std::invalid_argument(where + ": must say name");
        if (std::find(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(i), names[i]) !=
            names.begin() + static_cast<std::ptrdiff_t>(i))
            throw std::invalid_argument(where + ".name: '" + names[i] + "' is taken");
    }
    const auto check = [&](const std::string& key, const std::string& name) {
        if (std::find(names.begin(), names.end(), name) == names.end())
            throw std::invalid_argument("composite." + key + ": no part is called '" + name + "'" +
                                        did_you_mean(name, names));
    };
    for (const std::string& name : options.policy_order) check("policy_order", name);
    for (const RateAllocation& rate : options.rates) check("rate_allocation", rate.policy);
}

// Spans a second, as the Collector has it: without an allocation of its own a part keeps nothing.
uint64_t rate_of(const PolicyOptions& options, const std::string& part) {
    const double most = options.max_total_spans_per_second;
    double rate = 0;
    for (const RateAllocation& one : options.rates) {
        if (one.policy != part) continue;
        rate = one.percent != 0 ? one.percent / kPercent * most : most / static_cast<double>(options.parts.size());
    }
    return static_cast<uint64_t>(rate);
}

}  // namespace

MarkedPolicy PolicyMaker::make(const PolicyOptions& options) {
    switch (options.type) {
        case PolicyType::kAnd: return {std::make_unique<AndPolicy>(make_parts(options.parts, "and.and_sub_policy")), 0};
        case PolicyType::kNot:
            if (options.parts.size() != 1) throw std::invalid_argument("not: must say not_sub_policy");
            return {std::make_unique<NotPolicy>(make_parts(options.parts, "not.not_sub_policy")), 0};
        case PolicyType::kDrop:
            return {std::make_unique<DropPolicy>(make_parts(options.parts, "drop.drop_sub_policy")), 0};
        case PolicyType::kComposite: return {make_composite(options), 0};
        default: break;
    }
    std::unique_ptr<Policy> made = make_plain(options, wants_);
    if (marking_.size() == TailSamplingOptions::kMostPolicies)
        throw std::invalid_argument("with those inside others, there are more than " +
                                    std::to_string(TailSamplingOptions::kMostPolicies));
    marking_.push_back(made.get());
    return {std::move(made), PolicyMarks{1} << (marking_.size() - 1)};
}

std::vector<MarkedPolicy> PolicyMaker::make_parts(const std::vector<PolicyOptions>& options, const std::string& key) {
    if (options.empty()) throw std::invalid_argument(key + ": there must be one");
    std::vector<MarkedPolicy> parts;
    for (size_t i = 0; i < options.size(); ++i) {
        try {
            if (options[i].type == PolicyType::kDrop)
                throw std::invalid_argument("type: 'drop' is not inside another policy");
            parts.push_back(make(options[i]));
        } catch (const std::invalid_argument& error) {
            throw std::invalid_argument(key + "[" + std::to_string(i) + "]: " + error.what());
        }
    }
    return parts;
}

std::unique_ptr<Policy> PolicyMaker::make_composite(const PolicyOptions& options) {
    if (options.max_total_spans_per_second == 0)
        throw std::invalid_argument("composite: must say max_total_spans_per_second");
    std::vector<MarkedPolicy> parts = make_parts(options.parts, "composite.composite_sub_policy");
    std::vector<std::string> names;
    for (const PolicyOptions& part : options.parts) names.push_back(part.name);
    check_names(options, names);
    std::vector<size_t> order(parts.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto place = [&](size_t part) {
        return std::find(options.policy_order.begin(), options.policy_order.end(), names[part]);
    };
    std::stable_sort(order.begin(), order.end(), [&](size_t one, size_t other) { return place(one) < place(other); });
    std::vector<MarkedPolicy> asked;
    std::vector<uint64_t> rates;
    for (const size_t part : order) {
        asked.push_back(std::move(parts[part]));
        rates.push_back(rate_of(options, names[part]));
    }
    return std::make_unique<CompositePolicy>(std::move(asked), std::move(rates), options.max_total_spans_per_second);
}

std::string wrong_policy(const PolicyOptions& options) {
    try {
        PolicyMaker().make(options);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return {};
}

std::vector<std::string> wrong_together(const std::vector<PolicyOptions>& policies) {
    PolicyMaker maker;
    try {
        for (const PolicyOptions& policy : policies) maker.make(policy);
    } catch (const std::invalid_argument& error) {
        return {std::string("policies: ") + error.what()};
    }
    return {};
}

}  // namespace spanring::agent
