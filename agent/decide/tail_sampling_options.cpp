// SPDX-License-Identifier: Apache-2.0
#include "decide/tail_sampling_options.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <stdexcept>
#include <utility>

#include "base/option.hpp"
#include "decide/policies.hpp"
#include "decide/policy_maker.hpp"
#include "processors/condition_options.hpp"

namespace spanring::agent {
namespace {

using std::chrono::milliseconds;

const std::vector<std::pair<std::string, PolicyType>> kTypes = {
    {"always_sample", PolicyType::kAlwaysSample},
    {"never", PolicyType::kNever},
    {"status_code", PolicyType::kStatusCode},
    {"unfinished", PolicyType::kUnfinished},
    {"latency", PolicyType::kLatency},
    {"string_attribute", PolicyType::kStringAttribute},
    {"numeric_attribute", PolicyType::kNumericAttribute},
    {"boolean_attribute", PolicyType::kBooleanAttribute},
    {"span_name", PolicyType::kName},
    {"service", PolicyType::kService},
    {"rate_limiting", PolicyType::kRateLimiting},
    {"probabilistic", PolicyType::kProbabilistic},
    {"fair_rate", PolicyType::kFairRate},
    {"follow", PolicyType::kFollow},
    {"ottl_condition", PolicyType::kCondition},
    {"and", PolicyType::kAnd},
    {"not", PolicyType::kNot},
    {"drop", PolicyType::kDrop},
    {"composite", PolicyType::kComposite},
};

const std::vector<std::pair<std::string, Sharers>> kSharers = {{"services", Sharers::kServices},
                                                               {"operations", Sharers::kOperations}};

const std::vector<std::pair<std::string, bool>> kPackings = {{"none", false}, {"zstd", true}};

constexpr uint32_t kMost = 1'000'000'000;
constexpr double kMostOfANumber = 1e300;

std::vector<Option> describe_texts(TextPolicyOptions& texts, bool of_attribute) {
    std::vector<Option> options;
    if (of_attribute)
        options.push_back({"key", option::text(texts.key, "string"), "of an attribute of span or resource"});
    append(options, {{"values", TextList{texts.values}, "one of which must be met"},
                     {"enabled_regex_matching", option::boolean(texts.enabled_regex_matching),
                      "values are regular expressions of RE2"}});
    return options;
}

std::vector<Option> describe(PolicyOptions& policy);

// Policies inside another one. Those under the name of another type than it has, which is read before them, are not
// its.
GroupList describe_parts(PolicyOptions& policy, PolicyType type, bool single) {
    const auto others = std::make_shared<std::vector<PolicyOptions>>();
    const auto add = [&policy, type, others] {
        return describe((policy.type == type ? policy.parts : *others).emplace_back());
    };
    const auto items = [&policy] {
        std::vector<std::vector<Option>> items;
        for (PolicyOptions& part : policy.parts) items.push_back(describe(part));
        return items;
    };
    return {add,
            TailSamplingOptions::kMostPolicies,
            "type",
            items,
            single ? "a policy, as in `policies`" : "policies, as in `policies`",
            single};
}

std::vector<Option> describe(RateAllocation& rate) {
    return {{"policy", option::text(rate.policy, "name of a part"), "whose rate it is", "must be given"},
            {"percent", option::count(rate.percent, 0, 100), "of max_total_spans_per_second; 0: an equal share"}};
}

GroupList describe_rates(std::vector<RateAllocation>& rates) {
    const auto add = [&rates] { return describe(rates.emplace_back()); };
    const auto items = [&rates] {
        std::vector<std::vector<Option>> items;
        for (RateAllocation& rate : rates) items.push_back(describe(rate));
        return items;
    };
    return {add, TailSamplingOptions::kMostPolicies, "policy", items};
}

std::vector<Option> describe(PolicyOptions& policy) {
    const auto of = [&policy](PolicyType type) { return policy.type == type; };
    return {
        {"name", option::text(policy.name, "string"), "the rule, in metrics", "must be given"},
        {"type", option::choice(policy.type, kTypes), "what it looks at", "must be given"},
        {"status_code",
         Group{{{"status_codes", TextList{policy.status_codes, "list of ERROR, OK, UNSET"}, "of one of its spans"}}},
         {},
         {},
         of(PolicyType::kStatusCode)},
        {"latency",
         Group{
             {{"threshold_ms", option::count(policy.threshold_ms, 0, kMost), "from first start to last end, at least"},
              {"upper_threshold_ms", option::count(policy.upper_threshold_ms, 0, kMost),
               "... and no longer than this; 0: any"},
              {"above_quantile", option::number(policy.above_quantile, 0, 1),
               "... and longer than this part of its operation's, which is learnt; 0: any"}}},
         {},
         {},
         of(PolicyType::kLatency)},
        {"string_attribute",
         Group{describe_texts(policy.string_attribute, true)},
         {},
         {},
         of(PolicyType::kStringAttribute)},
        {"numeric_attribute",
         Group{{{"key", option::text(policy.numeric_key, "string"), "of an attribute of span or resource"},
                {"min_value", option::number(policy.min_value, -kMostOfANumber, kMostOfANumber), "not less"},
                {"max_value", option::number(policy.max_value, -kMostOfANumber, kMostOfANumber), "not more"}}},
         {},
         {},
         of(PolicyType::kNumericAttribute)},
        {"boolean_attribute",
         Group{{{"key", option::text(policy.boolean_key, "string"), "of an attribute of span or resource"},
                {"value", option::boolean(policy.boolean_value), "that it must have"}}},
         {},
         {},
         of(PolicyType::kBooleanAttribute)},
        {"span_name", Group{describe_texts(policy.span_name, false)}, {}, {}, of(PolicyType::kName)},
        {"service", Group{describe_texts(policy.service, false)}, {}, {}, of(PolicyType::kService)},
        {"rate_limiting",
         Group{{{"spans_per_second", option::count(policy.spans_per_second, 0, kMost), "of traces that it keeps"}}},
         {},
         {},
         of(PolicyType::kRateLimiting)},
        {"fair_rate",
         Group{{{"traces_per_second", option::count(policy.traces_per_second, 0, kMost), "that it keeps"},
                {"among", option::choice(policy.among, kSharers), "who shares them fairly"}}},
         {},
         {},
         of(PolicyType::kFairRate)},
        {"probabilistic",
         Group{{{"sampling_percentage", option::number(policy.sampling_percentage, 0, 100), "of all traces"},
                {"mode",
                 option::choice(policy.chance,
                                {{"hash_seed", ChanceMode::kHashSeed}, {"equalizing", ChanceMode::kEqualizing}}),
                 "by a hash of the trace id where spans do not say `ot=th` or `rv`; or always by what is random of the "
                 "trace"},
                {"hash_salt", option::text(policy.hash_salt, "string"), "with which trace ids are hashed"}}},
         {},
         {},
         of(PolicyType::kProbabilistic)},
        {"ottl_condition",
         Group{{{"error_mode", option::choice(policy.error_mode, kConditionErrors),
                 "where a condition fails: `propagate` asks no other one of that span"},
                {"span", condition_list(policy.conditions), "in OTTL; one of its spans agrees with one of them"}}},
         {},
         {},
         of(PolicyType::kCondition)},
        {"and",
         Group{{{"and_sub_policy", describe_parts(policy, PolicyType::kAnd, false), "which all keep it"}}},
         {},
         {},
         of(PolicyType::kAnd)},
        {"not",
         Group{{{"not_sub_policy", describe_parts(policy, PolicyType::kNot, true), "which does not keep it"}}},
         {},
         {},
         of(PolicyType::kNot)},
        {"drop",
         Group{{{"drop_sub_policy", describe_parts(policy, PolicyType::kDrop, false),
                 "of which all would keep what is dropped"}}},
         {},
         {},
         of(PolicyType::kDrop)},
        {"composite",
         Group{{{"max_total_spans_per_second", option::count(policy.max_total_spans_per_second, 0, kMost),
                 "of each part, at most"},
                {"policy_order", TextList{policy.policy_order, "list of names of parts"},
                 "in which they are asked; those that it does not name come after them"},
                {"composite_sub_policy", describe_parts(policy, PolicyType::kComposite, false),
                 "of which the first one that keeps it has the say"},
                {"rate_allocation", describe_rates(policy.rates)}}},
         {},
         {},
         of(PolicyType::kComposite)},
    };
}

}  // namespace

std::string name_of(PolicyType type) {
    for (const auto& [name, one] : kTypes)
        if (one == type) return name;
    return "?";
}

std::vector<Option> describe(TailSamplingOptions& options) {
    const auto add = [&options] { return describe(options.policies.emplace_back()); };
    const auto items = [&options] {
        std::vector<std::vector<Option>> items;
        for (PolicyOptions& policy : options.policies) items.push_back(describe(policy));
        return items;
    };
    std::vector<Option> cache = {
        {"sampled_cache_size", option::count(options.sampled_cache_size, 1, kMost), "decisions to keep, at most"},
        {"non_sampled_cache_size", option::count(options.non_sampled_cache_size, 1, kMost),
         "decisions to drop, at most"},
        {"kept_for", option::duration(options.decisions_kept, milliseconds(1)), "late spans follow them so long"},
    };
    std::vector<Option> files = {
        {"max_bytes", option::size(options.files_max_bytes, 1u << 20), "that spans take there, at most"},
        {"compression", option::choice(options.files_packed, kPackings), "of what is written"},
    };
    return {
        {"linger", option::duration(options.linger, milliseconds(1)),
         "nothing came for so long, and no span is open: over"},
        {"decision_wait", option::duration(options.decision_wait, milliseconds(1)),
         "at the latest, from the first span on"},
        {"num_traces", option::count(options.num_traces, 1, kMost), "that wait for a decision, at most"},
        {"memory", option::size(options.memory, 1u << 20), "that their spans take, at most"},
        {"ring_linger", option::duration(options.ring_linger, milliseconds(1)),
         "a span waits in the memory of its process so long at most, then in a file"},
        {"files", Group{files}},
        {"decision_cache", Group{cache}},
        {"policies", GroupList{add, TailSamplingOptions::kMostPolicies, "type", items}},
    };
}

std::vector<std::string> faults_of(const TailSamplingOptions& options) {
    std::vector<std::string> faults;
    if (options.policies.empty()) faults.emplace_back("policies: there must be one");
    std::set<std::string> names;
    for (size_t i = 0; i < options.policies.size(); ++i) {
        const PolicyOptions& policy = options.policies[i];
        const std::string where = "policies[" + std::to_string(i) + "]";
        if (policy.name.empty())
            faults.push_back(where + ": must say name");
        else if (!names.insert(policy.name).second || policy.name == Policies::kNoPolicy ||
                 policy.name == Policies::kOthers)
            faults.push_back(where + ".name: '" + policy.name + "' is taken");
        const std::string wrong = wrong_policy(policy);
        if (!wrong.empty()) faults.push_back(where + ": " + wrong);
    }
    if (faults.empty()) faults = wrong_together(options.policies);
    return faults;
}

}  // namespace spanring::agent
