// SPDX-License-Identifier: Apache-2.0
#include "decide/live_policy.hpp"

#include <bit>

#include "base/quantity.hpp"
#include "processors/encoded_value.hpp"

namespace spanring::agent {
namespace {

constexpr double kPercent = 100;

bool value_is_like(const EncodedValue& encoded, const std::string& wanted) {
    if (encoded.data() == nullptr) return false;
    const ValueView value = view_value(encoded);
    switch (value.kind) {
        case ValueKind::kText: return is_like(value.text(), wanted);
        case ValueKind::kInteger: return wanted == std::to_string(static_cast<int64_t>(value.word));
        case ValueKind::kBool: return wanted == (value.word != 0 ? "true" : "false");
        case ValueKind::kDouble: return parse_number(wanted) == std::bit_cast<double>(value.word);
        default: return false;
    }
}

}  // namespace

LivePolicy::LivePolicy(const LiveRuleSet::Standing& standing, size_t first_bit, WantedKeys& keys,
                       const LivePolicy* before)
    : rule_(standing.rule), slot_(standing.slot), bit_(PolicyMarks{1} << (first_bit + 2 * slot_)) {
    for (const auto& [key, value] : rule_.attributes) of_span_.push_back({keys.add(key), value});
    for (const auto& [key, value] : rule_.resource) of_resource_.push_back({keys.add(key), value});
    if (rule_.action == RuleAction::kProbability)
        chance_ = std::make_shared<ProbabilisticPolicy>(rule_.value * kPercent, ChanceMode::kHashSeed,
                                                        PolicyOptions().hash_salt);
    if (rule_.has_budget()) budget_ = before != nullptr ? before->budget_ : std::make_shared<RuleBudget>(rule_.value);
}

bool LivePolicy::concerns(const ProducerFacts& producer) const {
    const bool is_process = rule_.process.empty() || is_like(producer.program, rule_.process) ||
                            (producer.pid != 0 && std::to_string(producer.pid) == rule_.process);
    return is_process && (rule_.service.empty() || is_like(producer.service, rule_.service)) &&
           std::all_of(of_resource_.begin(), of_resource_.end(),
                       [&](const Wanted& one) { return value_is_like(producer.values[one.place], one.value); });
}

bool LivePolicy::concerns(const SpanFacts& span) const {
    if (rule_.error && span.outline.status != kStatusError) return false;
    const std::string_view name(reinterpret_cast<const char*>(span.outline.name.data()), span.outline.name.size());
    return (rule_.operation.empty() || is_like(name, rule_.operation)) &&
           std::all_of(of_span_.begin(), of_span_.end(),
                       [&](const Wanted& one) { return value_is_like(span.values[one.place], one.value); });
}

PolicyAnswer LivePolicy::answer(const TraceKey& key, const TraceState& state, RuleBudget::Time now) const {
    const bool concerned =
        (state.marks & bit()) != 0 && state.nanoseconds() >= static_cast<uint64_t>(rule_.slower_than.count());
    if (!concerned) return PolicyAnswer::kNone;
    bool kept = rule_.action == RuleAction::kKeep;
    if (chance_ != nullptr)
        kept = chance_->answer({key, state, (state.marks & chance_bit()) != 0, now}) == PolicyAnswer::kKeep;
    if (budget_ != nullptr) kept = budget_->take(rule_.action == RuleAction::kSpansPerSecond ? state.spans : 1, now);
    return kept ? PolicyAnswer::kKeep : PolicyAnswer::kDrop;
}

}  // namespace spanring::agent
