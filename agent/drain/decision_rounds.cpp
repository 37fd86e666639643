// SPDX-License-Identifier: Apache-2.0
#include "drain/decision_rounds.hpp"

#include <algorithm>

#include "ring/testpoint.hpp"

namespace spanring::agent {
namespace {

// Of the linger: rounds are no closer together, whatever comes.
constexpr int kRoundsInALinger = 4;

}  // namespace

DecisionRounds::DecisionRounds(const TailSamplingOptions& options, DecisionCounters& counters,
                               const std::string& directory)
    : options_(options),
      counters_(counters),
      policies_(options.policies),
      memory_(options.sampled_cache_size, options.non_sampled_cache_size, options.decisions_kept),
      log_(directory, policies_.names(), size_t{options.sampled_cache_size} + options.non_sampled_cache_size) {
    log_.read_into(memory_, options_.decisions_kept, Clock::now());
}

SpanVerdict DecisionRounds::judge(const FoundSpan& span) {
    JudgedSpan judged;
    // A sound span has ids; one that had none could wait for nobody.
    if (!policies_.read(span.body, span.receipt.unfinished, judged)) return SpanVerdict::kSent;
    if (const auto decision = memory_.find(judged.trace, now_)) {
        DecisionCounters::Rule& rule = counters_.rule(decision->rule);
        (decision->keep ? rule.spans_kept : rule.spans_sampled_out).add(1);
        if (decision->keep) return SpanVerdict::kSent;
        if (judged.error) rule.late_errors.add(1);
        return SpanVerdict::kSampledOut;
    }
    UndecidedTrace& trace = undecided_.hear_of(judged.trace, now_);
    trace.state.marks |= judged.marks | span.producer_marks;
    trace.state.add(judged.start_unix_nano, judged.end_unix_nano);
    undecided_.add(trace, {span.receipt, span.scope, static_cast<uint32_t>(span.record.size()), span.era}, span.record);
    bytes_of_[span.receipt.source] += span.record.size();
    return SpanVerdict::kWaits;
}

bool DecisionRounds::is_due() const { return !empty() && now_ >= due(); }

DecisionRounds::Clock::time_point DecisionRounds::due() const {
    if (empty()) return Clock::time_point::max();
    const Clock::time_point silent = undecided_.most_silent()->last + options_.linger;
    const Clock::time_point old = undecided_.oldest()->first + options_.decision_wait;
    return std::max(next_round_, std::min(silent, old));
}

void DecisionRounds::begin_round() {
    ++round_;
    round_began_ = now_;
    next_round_ = now_ + options_.linger / kRoundsInALinger;
    counters_.rounds.add(1);
}

void DecisionRounds::decide(const Settle& settle) {
    SPR_TESTPOINT(traces_to_be_decided);
    // Of what came in this pass, or is open, it was heard now.
    while (UndecidedTrace* const trace = undecided_.most_silent()) {
        if (trace->last > now_ - options_.linger) break;
        take(*trace);
    }
    while (UndecidedTrace* const trace = undecided_.oldest()) {
        if (now_ - trace->first < options_.decision_wait) break;
        take_early(*trace, EarlyCause::kDecisionWait);
    }
    carry_out(settle);
}

// Of what came after the look nobody knows whether it is open.
void DecisionRounds::decide_at_the_end(const Settle& settle) {
    undecided_.each_by_age([&](UndecidedTrace& trace) {
        if (trace.first < round_began_ && trace.open_in_round != round_) take(trace);
        return true;
    });
    carry_out(settle);
}

void DecisionRounds::relieve(uint64_t source, uint64_t bytes, Clock::time_point before, const Settle& settle) {
    undecided_.each_by_age([&](UndecidedTrace& trace) {
        if (trace.first > before || bytes_of(source) <= bytes) return false;
        const bool concerned = std::any_of(trace.spans.begin(), trace.spans.end(), [source](const UndecidedSpan& span) {
            return span.receipt.source == source;
        });
        if (concerned) take_early(trace, EarlyCause::kRing);
        return true;
    });
    carry_out(settle);
}

void DecisionRounds::keep_bounds(const Settle& settle) {
    while (undecided_.traces() > options_.num_traces) take_early(*undecided_.oldest(), EarlyCause::kNumTraces);
    while (undecided_.memory() > options_.memory && !empty()) take_early(*undecided_.oldest(), EarlyCause::kMemory);
    carry_out(settle);
}

uint64_t DecisionRounds::bytes_of(uint64_t source) const {
    const auto found = bytes_of_.find(source);
    return found == bytes_of_.end() ? 0 : found->second;
}

void DecisionRounds::take_early(UndecidedTrace& trace, EarlyCause cause) {
    counters_.early(cause).add(1);
    take(trace);
}

void DecisionRounds::take(UndecidedTrace& trace) {
    const Decision decision = policies_.decide(trace.key, trace.state, now_);
    memory_.add(trace.key, decision, now_);
    log_.add(trace.key, decision);
    count(decision, trace);
    for (const UndecidedSpan& span : trace.spans) {
        const auto bytes = bytes_of_.find(span.receipt.source);
        if ((bytes->second -= span.size) == 0) bytes_of_.erase(bytes);
    }
    decided_.emplace_back(undecided_.take(trace), decision);
}

// An agent that is killed from here on is followed by one that decides alike.
void DecisionRounds::carry_out(const Settle& settle) {
    if (decided_.empty()) return;
    log_.write();
    SPR_TESTPOINT(decisions_written);
    for (const auto& [taken, decision] : decided_) {
        const UndecidedTrace& trace = taken.front();
        const uint8_t* at = trace.bytes.data();
        for (const UndecidedSpan& span : trace.spans) {
            settle(span, {at, span.size}, decision.keep);
            at += span.size;
        }
        SPR_TESTPOINT(trace_settled);
    }
    decided_.clear();
    SPR_TESTPOINT(traces_settled);
}

void DecisionRounds::count(Decision decision, const UndecidedTrace& trace) {
    DecisionCounters::Rule& rule = counters_.rule(decision.rule);
    (decision.keep ? rule.traces_kept : rule.traces_dropped).add(1);
    (decision.keep ? rule.spans_kept : rule.spans_sampled_out).add(trace.spans.size());
}

void DecisionRounds::publish() {
    counters_.undecided_traces.set(undecided_.traces());
    counters_.undecided_spans.set(undecided_.spans());
    counters_.undecided_bytes.set(undecided_.memory());
    counters_.remembered.set(memory_.size());
}

}  // namespace spanring::agent
