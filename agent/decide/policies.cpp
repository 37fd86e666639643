// SPDX-License-Identifier: Apache-2.0
#include "decide/policies.hpp"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include "decide/rule_shares.hpp"
#include "otlp/wire.hpp"

namespace spanring::agent {
namespace {

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
    PolicyMaker maker;
    for (const PolicyOptions& policy : options) {
        policies_.push_back(maker.make(policy));
        Policy& made = *policies_.back().policy;
        if (made.learns()) learners_.push_back(&made);
        wants_operations_ = wants_operations_ || made.wants_operation();
        names_.push_back(policy.name);
    }
    marking_ = maker.marking();
    has_chances_ = std::any_of(marking_.begin(), marking_.end(),
                               [](const Policy* policy) { return policy->threshold().has_value(); });
    for (size_t i = 0; i < options.size(); ++i)
        if (options[i].type == PolicyType::kDrop) order_.push_back(i);
    for (size_t i = 0; i < options.size(); ++i)
        if (options[i].type != PolicyType::kDrop) order_.push_back(i);
    names_.emplace_back(kNoPolicy);
    for (const std::string& name : names_) ids_.push_back(rule_hash(name));
    ids_.resize(names_.size() + kRuleSlots);
    keys_ = maker.wants().keys;
    values_ = WantedValues(keys_.keys());
    reads_chances_ = has_chances_;
}

void Policies::follow(const std::shared_ptr<const LiveRuleSet>& rules) {
    WantedKeys keys = keys_;  // those of policies keep their places
    std::vector<LivePolicy> live;
    reads_chances_ = has_chances_;
    for (const LiveRuleSet::Standing& standing : rules->rules) {
        const auto before =
            std::find_if(live_.begin(), live_.end(), [&](const LivePolicy& one) { return one.is_of(standing); });
        live.emplace_back(standing, marking_.size(), keys, before != live_.end() ? &*before : nullptr);
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
    ProducerMarks marks{0, 0, hash_of(producer.service), generation(), 0};
    for (size_t i = 0; i < marking_.size(); ++i) {
        marks.marks |= PolicyMarks{marking_[i]->agrees(facts)} << i;
        marks.answers |= marking_[i]->answers_of(facts);
    }
    for (const LivePolicy& rule : live_)
        if (rule.concerns(facts)) marks.live |= rule.bit();
    return marks;
}

bool Policies::read(std::span<const uint8_t> span, const ProducerMarks& producer, bool unfinished, JudgedSpan& ret_span,
                    const SpanForm& form) {
    values_.forget();
    SpanOutline outline;
    if (!read_outline(span, values_, outline, form)) return false;
    SamplingState sampling;  // of one that is malformed there is none
    if (reads_chances_ && !outline.trace_state.empty()) SamplingState::read(outline.trace_state, sampling);
    const SpanFacts facts{outline, sampling, values_.values(), unfinished, span, producer.answers};
    PolicyMarks marks = 0;
    for (size_t i = 0; i < marking_.size(); ++i) marks |= PolicyMarks{marking_[i]->agrees(facts)} << i;
    PolicyMarks live = 0;
    for (const LivePolicy& rule : live_) {
        if (rule.concerns(facts)) live |= rule.bit();
        if (rule.chooses(facts)) marks |= rule.chance_bit();
    }
    const std::string_view name(reinterpret_cast<const char*>(outline.name.data()), outline.name.size());
    ret_span.trace = TraceKey::of(outline.trace_id);
    ret_span.marks = marks;
    ret_span.live = live;
    ret_span.name = wants_operations_ ? hash_of(name) : 0;
    ret_span.remote_parents = remote_parents_of(outline);
    ret_span.has_chance = !sampling.empty();
    ret_span.start_unix_nano = outline.start_unix_nano;
    ret_span.end_unix_nano = outline.end_unix_nano;
    ret_span.error = outline.status == kStatusError;
    return true;
}

Decision Policies::decide(const TraceKey& key, const TraceState& state, Clock::time_point now) {
    for (Policy* const learner : learners_) learner->learn({key, state, false, now});
    Decision dropped{false, static_cast<uint16_t>(policies_.size())};
    if (Decision decision; decide_live(key, state, now, decision)) return decision;
    for (size_t turn = 0; turn < order_.size(); ++turn) {
        const auto rule = static_cast<uint16_t>(order_[turn]);
        switch (policies_[rule].answer({key, state, false, now})) {
            case PolicyAnswer::kKeep: return {true, rule, 0, by_chance(turn, key, state, now)};
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
uint8_t Policies::by_chance(size_t turn, const TraceKey& key, const TraceState& state, Clock::time_point now) {
    size_t place = order_[turn];
    std::optional<uint64_t> threshold = policies_[place].policy->threshold();
    if (!threshold) return 0;
    for (++turn; turn < order_.size(); ++turn) {
        const size_t i = order_[turn];
        if (policies_[i].policy->has_budget()) continue;  // nobody knows
        const PolicyAnswer answer = policies_[i].answer({key, state, false, now});
        if (answer == PolicyAnswer::kDrop) break;
        if (answer != PolicyAnswer::kKeep) continue;
        const std::optional<uint64_t> other = policies_[i].policy->threshold();
        if (!other) return 0;
        if (*other >= *threshold) continue;
        threshold = other;
        place = i;
    }
    // Its spans say nothing, and are not to begin with it.
    if (!state.has_chance && !policies_[place].policy->begins_state()) return 0;
    return static_cast<uint8_t>(place + 1);
}

Chance Policies::chance_of(const Decision& decision) const {
    if (!decision.keep || decision.by_chance == 0) return {};
    const size_t place = decision.by_chance - 1u;
    if (place >= policies_.size()) {
        const size_t slot = place - first_slot();  // of no slot where it is no_policy's, which is none
        return rules_ != nullptr && slot < kRuleSlots ? Chance{rules_->slots[slot].threshold, false} : Chance{};
    }
    const Policy& policy = *policies_[place].policy;
    return {policy.threshold(), policy.begins_state()};
}

std::vector<std::string> Policies::meanings() const {
    std::vector<std::string> meanings = names_;
    for (size_t i = 0; i < policies_.size(); ++i) {
        const auto threshold = policies_[i].policy->threshold();
        if (!threshold) continue;
        meanings[i] += ' ' + std::to_string(*threshold);
        if (policies_[i].policy->begins_state()) meanings[i] += " begins";
    }
    return meanings;
}

}  // namespace spanring::agent
