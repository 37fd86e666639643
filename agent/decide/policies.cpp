// SPDX-License-Identifier: Apache-2.0
#include "decide/policies.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "decide/attribute_policies.hpp"
#include "decide/constant_policy.hpp"
#include "decide/fair_rate_policy.hpp"
#include "decide/follow_policy.hpp"
#include "decide/latency_policy.hpp"
#include "decide/learnt_latency_policy.hpp"
#include "decide/probabilistic_policy.hpp"
#include "decide/rate_limiting_policy.hpp"
#include "decide/rule_shares.hpp"
#include "decide/status_policy.hpp"
#include "decide/text_policies.hpp"
#include "decide/unfinished_policy.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {
namespace {

std::unique_ptr<Policy> make_policy(const PolicyOptions& options, WantedKeys& keys) {
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
    }
    throw std::invalid_argument("no such policy");
}

// Of a name, in no file.
uint64_t hash_of(std::string_view text) { return std::hash<std::string_view>()(text); }

RemoteParents remote_parents_of(const SpanOutline& span) {
    // Of Span.flags: the trace's sampled flag; whether it is known that the parent is remote, and whether it is.
    constexpr uint32_t kSampled = 0x1, kRemote = 0x300;
    if (span.parent_span_id == nullptr || (span.flags & kRemote) != kRemote) return 0;
    return (span.flags & kSampled) != 0 ? kSampledParent : kUnsampledParent;
}

}  // namespace

Policies::Policies(const std::vector<PolicyOptions>& options) {
    for (const PolicyOptions& policy : options) {
        policies_.push_back(make_policy(policy, keys_));
        Policy& made = *policies_.back();
        if (made.learns()) learners_.push_back(&made);
        wants_operations_ = wants_operations_ || made.wants_operation();
        has_chances_ = has_chances_ || made.threshold().has_value();
        names_.push_back(policy.name);
    }
    names_.emplace_back(kNoPolicy);
    for (const std::string& name : names_) ids_.push_back(rule_hash(name));
    ids_.resize(names_.size() + kRuleSlots);
    values_ = WantedValues(keys_.keys());
    reads_chances_ = has_chances_;
}

void Policies::follow(const std::shared_ptr<const LiveRuleSet>& rules) {
    WantedKeys keys = keys_;  // those of policies keep their places
    std::vector<LivePolicy> live;
    reads_chances_ = has_chances_;
    for (const LiveRuleSet::Standing& standing : rules->rules) {
        const auto before = std::find_if(live_.begin(), live_.end(),
                                         [&](const LivePolicy& one) { return one.slot() == standing.slot; });
        live.emplace_back(standing, policies_.size(), keys, before != live_.end() ? &*before : nullptr);
        reads_chances_ = reads_chances_ || live.back().is_by_chance();
    }
    for (size_t slot = 0; slot < kRuleSlots; ++slot) {
        const std::string& name = rules->slots[slot].name;
        ids_[first_slot() + slot] = name.empty() ? 0 : rule_hash(name);
    }
    values_ = WantedValues(keys.keys());
    live_ = std::move(live);
    live_marks_ = 0;
    for (const LivePolicy& rule : live_) live_marks_ |= rule.bit();
    rules_ = rules;
}

ProducerMarks Policies::marks_of(const Producer& producer) {
    values_.forget();
    wire::each_field(wire::body_of(producer.resource), [this](const wire::Field& field) {
        if (field.tag() == wire::tags::bytes(1)) values_.take(field.bytes);  // of Resource: an attribute
    });
    const ProducerFacts facts{producer.service, values_.values(), producer.program, producer.pid};
    ProducerMarks marks{0, 0, hash_of(producer.service), generation()};
    for (size_t i = 0; i < policies_.size(); ++i) marks.marks |= PolicyMarks{policies_[i]->agrees(facts)} << i;
    for (const LivePolicy& rule : live_)
        if (rule.concerns(facts)) marks.live |= rule.bit();
    return marks;
}

bool Policies::read(std::span<const uint8_t> span, bool unfinished, JudgedSpan& ret_span) {
    values_.forget();
    SpanOutline outline;
    if (!read_outline(span, values_, outline)) return false;
    SamplingState sampling;  // of one that is malformed there is none
    if (reads_chances_ && !outline.trace_state.empty()) SamplingState::read(outline.trace_state, sampling);
    const SpanFacts facts{outline, sampling, values_.values(), unfinished};
    PolicyMarks marks = 0;
    for (size_t i = 0; i < policies_.size(); ++i) marks |= PolicyMarks{policies_[i]->agrees(facts)} << i;
    PolicyMarks live = 0;
    for (const LivePolicy& rule : live_) {
        if (rule.concerns(facts)) live |= rule.bit();
        if (rule.chooses(facts)) marks |= rule.chance_bit();
    }
    const std::string_view name(reinterpret_cast<const char*>(outline.name.data()), outline.name.size());
    ret_span = {TraceKey::of(outline.trace_id),
                marks,
                live,
                wants_operations_ ? hash_of(name) : 0,
                remote_parents_of(outline),
                !sampling.empty(),
                outline.start_unix_nano,
                outline.end_unix_nano,
                outline.status == kStatusError};
    return true;
}

Decision Policies::decide(const TraceKey& key, const TraceState& state, Clock::time_point now) {
    for (Policy* const learner : learners_) learner->learn({key, state, false, now});
    Decision dropped{false, static_cast<uint16_t>(policies_.size())};
    if (Decision decision; decide_live(key, state, now, decision)) return decision;
    for (size_t i = 0; i < policies_.size(); ++i) {
        const auto rule = static_cast<uint16_t>(i);
        switch (policies_[i]->answer({key, state, (state.marks >> i & 1) != 0, now})) {
            case PolicyAnswer::kKeep: return {true, rule, 0, by_chance(i, key, state, now)};
            case PolicyAnswer::kDrop: return {false, rule};
            case PolicyAnswer::kDeclined: dropped.rule = rule; break;
            case PolicyAnswer::kNone: break;
        }
    }
    return dropped;
}

// The first one that concerns it has the say.
bool Policies::decide_live(const TraceKey& key, const TraceState& state, Clock::time_point now,
                           Decision& ret_decision) const {
    if ((state.marks & live_marks_) == 0) return false;
    for (const LivePolicy& rule : live_) {
        const PolicyAnswer answer = rule.answer(key, state, now);
        if (answer == PolicyAnswer::kNone) continue;
        const size_t place = first_slot() + rule.slot();
        const bool kept = answer == PolicyAnswer::kKeep;
        // Spans that say nothing of chance do not begin with it.
        const bool by_chance = kept && rule.is_by_chance() && state.has_chance;
        ret_decision = {kept, static_cast<uint16_t>(place), 0, static_cast<uint8_t>(by_chance ? place + 1 : 0)};
        return true;
    }
    return false;
}

// Of a trace that this one keeps. Where a later one would have kept it anyway it was not chance; where it would have by
// a larger one, that is how likely it was.
uint8_t Policies::by_chance(size_t place, const TraceKey& key, const TraceState& state, Clock::time_point now) {
    std::optional<uint64_t> threshold = policies_[place]->threshold();
    if (!threshold) return 0;
    for (size_t i = place + 1; i < policies_.size(); ++i) {
        if (policies_[i]->has_budget()) continue;  // nobody knows
        const PolicyAnswer answer = policies_[i]->answer({key, state, (state.marks >> i & 1) != 0, now});
        if (answer == PolicyAnswer::kDrop) break;
        if (answer != PolicyAnswer::kKeep) continue;
        const std::optional<uint64_t> other = policies_[i]->threshold();
        if (!other) return 0;
        if (*other >= *threshold) continue;
        threshold = other;
        place = i;
    }
    // Its spans say nothing, and are not to begin with it.
    if (!state.has_chance && !policies_[place]->begins_state()) return 0;
    return static_cast<uint8_t>(place + 1);
}

Chance Policies::chance_of(const Decision& decision) const {
    if (!decision.keep || decision.by_chance == 0) return {};
    const size_t place = decision.by_chance - 1u;
    if (place >= policies_.size()) {
        const size_t slot = place - first_slot();  // of no slot where it is no_policy's, which is none
        return rules_ != nullptr && slot < kRuleSlots ? Chance{rules_->slots[slot].threshold, false} : Chance{};
    }
    const Policy& policy = *policies_[place];
    return {policy.threshold(), policy.begins_state()};
}

std::vector<std::string> Policies::meanings() const {
    std::vector<std::string> meanings = names_;
    for (size_t i = 0; i < policies_.size(); ++i) {
        const auto threshold = policies_[i]->threshold();
        if (!threshold) continue;
        meanings[i] += ' ' + std::to_string(*threshold);
        if (policies_[i]->begins_state()) meanings[i] += " begins";
    }
    return meanings;
}

std::string wrong_policy(const PolicyOptions& options) {
    try {
        WantedKeys keys;
        make_policy(options, keys);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return {};
}

}  // namespace spanring::agent
